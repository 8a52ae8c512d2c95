"""An image as a place where clusters are recovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ..errors import ServerError
from .address import Address
from .base import Completed, Programs
from .engine import Engine, image_major, image_state
from .recovered_container import RecoveredContainer
from .version import Version


class ContainerPlace(Programs):
    """An image in which clusters are recovered; its programs run in containers of their own, without a network."""

    def __init__(self, engine: Engine, image: str, *, major: int) -> None:
        """Take an image for clusters of a major.

        :raises ServerError: the image is not there and cannot be pulled, or says that it is of another major.
        """
        image_state(engine, image)
        found = image_major(engine, image)
        if found is not None and found != major:
            raise ServerError(
                f"the image {image} holds PostgreSQL {found}, and the cluster is of {major}",
                remedies=["name one of the base backup's major: --pgsafe-image=NAME"],
            )
        self.engine = engine
        self.image = image
        self.version = Version(major * 10000)
        self.origin = f"image {image}"

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        address: Address | None = None,
        stdin: Path | None = None,
        stdout: Path | IO[bytes] | None = None,
        files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        deadline: float | None = None,
        confined: bool = False,
        through: Sequence[str] = (),
    ) -> Completed:
        if program == "pg_combinebackup":
            raise ServerError(
                "incremental base backups are combined by programs of this machine",
                remedies=["--pgsafe-server=local, with PostgreSQL's programs of the base backup's major"],
            )
        # What the arguments name is carried in, as it is.
        named = [Path(argument.rpartition("=")[2]) for argument in arguments if "/" in argument]
        carried = [*files, *(path for path in named if path.is_absolute() and path.exists() and path not in files)]
        server = RecoveredContainer(self.engine, self.image, reason="recovery")
        with server:
            server.begin(self.version)
            return server.programs.run(
                program, arguments, address=address, stdin=stdin, stdout=stdout, files=carried,
                environment=environment, deadline=deadline, confined=confined, through=through,
            )  # fmt: skip
