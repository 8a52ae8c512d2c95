"""What a server lacks of the extensions that a source needs."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ServerError


def check_extensions(needed: Collection[str], there: Collection[str], origin: str) -> None:
    """Say what a scratch server lacks before anything is restored into it.

    :raises ServerError: with each extension that is missing.
    """
    missing = sorted(set(needed) - set(there))
    if missing:
        raise ServerError(
            f"this cannot be verified here: the scratch server lacks the extension{'s' * (len(missing) > 1)} "
            + ", ".join(missing),
            looked_at=[f"{origin}: {len(there)} extensions"],
            remedies=[
                "install the packages that hold them beside these programs",
                "name an image that has them: --pgsafe-image=IMAGE",
                "name a server that has them: --pgsafe-server=URI",
            ],
        )
