"""The schemas of a fleet's members, in the run's folder: each that is another one stands there once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..catalog import codec
from ..catalog.values import Catalog
from .own import canonical, fingerprint
from .values import Member

_FOLDER = "schemas"


@dataclass(frozen=True, kw_only=True)
class MemberSchema:
    """The catalog of a member's source before the migration."""

    member: Member
    #: The major of its server: each prints definitions in its own way.
    major: int
    catalog: Catalog


@dataclass(frozen=True)
class Schemas:
    """What every process of the run leaves there and reads."""

    run: Path

    def keep(self, schema: MemberSchema) -> str:
        """Keep a member's schema, and return its fingerprint."""
        found = fingerprint(canonical(schema.catalog, schema.member))
        self._folder.mkdir(exist_ok=True)
        if not self._path(found).exists():
            self._write(self._path(found), codec.dumps(schema))
        self._write(self._of(schema.member.name), found.encode())
        return found

    def of(self, name: str) -> str | None:
        """Return the fingerprint of a member's schema; None where it is not known."""
        path = self._of(name)
        return path.read_text("ascii") if path.exists() else None

    def read(self, found: str) -> MemberSchema:
        """Return the schema of a fingerprint, as the first member has it that it was kept of.

        :raises OSError: it is not there.
        """
        return codec.loads(MemberSchema, self._path(found).read_bytes())

    def told(self, name: str, *, known: frozenset[str] = frozenset()) -> Mapping[str, bytes]:
        """Return what a process elsewhere needs to know of a member's schema.

        :param known: fingerprints whose schemas are there already.
        """
        found = self.of(name)
        if found is None:
            return {}
        return {found: b"" if found in known else self._path(found).read_bytes()}

    def tell(self, name: str, told: Mapping[str, bytes]) -> None:
        """Keep what :meth:`told` returned in another folder."""
        self._folder.mkdir(exist_ok=True)
        for found, schema in told.items():
            if schema and not self._path(found).exists():
                self._write(self._path(found), schema)
            self._write(self._of(name), found.encode())

    @property
    def _folder(self) -> Path:
        return self.run / _FOLDER

    def _path(self, found: str) -> Path:
        return self._folder / f"{found}.json"

    def _of(self, name: str) -> Path:
        # A name may hold what no file's name may.
        return self._folder / f"of-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()}"

    def _write(self, path: Path, content: bytes) -> None:
        # Two processes may write the same at the same moment.
        partial = path.with_name(f"{path.name}.{id(self)}-partial")
        partial.write_bytes(content)
        partial.replace(path)
