"""Workers of xdist on other machines, or in places of their own: what goes there, and what comes back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    import pytest

    from .store import Store

#: Of a report: the result of a member, whose worker shares no folder with the controlling process.
RESULT = "pgsafe_member"
#: What a backup needs of a source's sessions at least.
_LEAST = 2
#: A worker that is a process below ours, as ``--tx`` has it.
_POPEN = re.compile(r"(?:\d+\*)?popen\b")


def is_apart(spec: Any) -> bool:
    """Tell whether a worker may share neither folders nor locks with the controlling process.

    :param spec: execnet's; another interpreter may run in a container, or in namespaces of its own.
    """
    return not spec.popen or bool(spec.python)


def elsewhere(config: pytest.Config) -> bool:
    """Tell whether any worker that ``--tx`` names may be on another machine."""
    specs: Sequence[str] = config.getoption("tx", None) or ()
    return any(not _POPEN.match(spec) or "//python=" in spec for spec in specs)


def shares(specs: Sequence[Any], sessions: int) -> tuple[int, int]:
    """Divide the sessions on the source's server: for all workers beside us together, and for each that is apart.

    :raises ConfigError: there are too few for each to take a backup.
    """
    apart = sum(map(is_apart, specs))
    places = apart + (apart < len(specs))
    each, rest = divmod(sessions, max(places, 1))
    if each < _LEAST:
        raise ConfigError(
            f"[fleet] source_sessions = {sessions} is too few for workers in {places} places: a backup needs {_LEAST}"
            " sessions of the source at once, and no place sees what another one does",
            remedies=[f"write source_sessions = {places * _LEAST} or more", "use fewer workers on other machines"],
        )
    return each + rest, each


def moved(text: str, there: str, here: Path) -> str:
    """Return what the controlling process told, as JSON, with paths below its rootdir as they are here.

    A file that is where it was told stays so.
    """
    if there == str(here):
        return text

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: placed(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, list):
            return [placed(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, str) and (value == there or value.startswith(f"{there}/")) and not Path(value).exists():
            return str(here) + value[len(there) :]
        return value

    return json.dumps(placed(json.loads(text)))


def packed(store: Store, member: str) -> Mapping[str, str] | None:
    """Return a member's result and schema in types that a report may have; None if there is no result."""
    from ..fleet.schemas import Schemas

    stored = store.stored()
    if stored is None:
        return None
    schemas = Schemas(store.folder).told(member)
    return {
        "member": member,
        "result": stored.decode("utf-8"),
        "schemas": json.dumps({found: base64.b64encode(schema).decode() for found, schema in schemas.items()}),
    }


def unpack(store: Store, told: Mapping[str, str]) -> None:
    """Keep what a worker elsewhere found, as if it had been found here."""
    from ..fleet.schemas import Schemas

    store.keep(told["result"].encode("utf-8"))
    schemas: Mapping[str, str] = json.loads(told["schemas"])
    found = {fingerprint: base64.b64decode(schema) for fingerprint, schema in schemas.items()}
    Schemas(store.folder).tell(told["member"], found)
