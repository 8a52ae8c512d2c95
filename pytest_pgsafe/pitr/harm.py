"""What transactions did to tables, by name: dropped, emptied, rewritten, or rows of theirs deleted and updated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .commits import Commit, Where
from .relations import ROWS, Known, Relation
from .wal import Lsn

Kind = Literal["dropped", "truncated", "deleted", "updated", "altered"]
#: In the order of what they cost.
KINDS: tuple[Kind, ...] = ("dropped", "truncated", "deleted", "updated", "altered")


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a transaction did to one table."""

    kind: Kind
    relation: Relation
    #: Of deleted and updated ones.
    rows: int = 0
    #: False for ``truncated`` where it may have been a rewrite: the WAL alone does not tell.
    certain: bool = True

    def __str__(self) -> str:
        if self.kind in {"deleted", "updated"}:
            return f"{self.kind} {self.rows} row{'s' * (self.rows != 1)} of {self.relation.name}"
        return f"{self.kind} {self.relation.name}"


@dataclass(frozen=True, kw_only=True)
class Harm:
    """A transaction, and what it did to the tables of one database."""

    commit: Commit
    acts: tuple[Act, ...]

    def of(self, oids: set[int]) -> tuple[Act, ...]:
        """Return what it did to some tables, the worst first."""
        found = [act for act in self.acts if act.relation.oid in oids]
        return tuple(sorted(found, key=lambda act: (KINDS.index(act.kind), act.relation.name)))

    def __str__(self) -> str:
        commit = self.commit
        shown = [str(act) for act in self.acts if act.kind != "altered"] or [str(act) for act in self.acts]
        more = f", and {len(shown) - 8} more" if len(shown) > 8 else ""
        return f"{commit.time.isoformat()} transaction {commit.xid}, LSN {commit.lsn}: {', '.join(shown[:8])}{more}"


def judge(commit: Commit, database: int, known: Known) -> Harm:
    """Say what a transaction did in a database, as far as names are known."""
    acts: list[Act] = []
    gone: set[int] = set()
    for oid in commit.took(database):
        relation = known.relation(oid, commit)
        if relation is None or relation.kind not in ROWS:
            continue
        if commit.gone is None and known.later(oid, commit):
            # Before 15 the WAL says what was locked, not what went; what is there later has not gone.
            continue
        gone.add(oid)
        acts.append(Act(kind="dropped", relation=relation))
    for base, oid in sorted(commit.locks):
        if base != database or oid in gone or (relation := known.relation(oid, commit)) is None:
            continue
        if relation.kind not in ROWS or oid in commit.own(database):
            continue
        emptied = _emptied(commit, database, oid, known)
        if emptied is not False:
            acts.append(Act(kind="truncated", relation=relation, certain=emptied is True))
        elif database in commit.altered:
            acts.append(Act(kind="altered", relation=relation))
    acts += _rows("deleted", commit.deleted, database, known, gone)
    acts += _rows("updated", commit.updated, database, known, gone)
    acts.sort(key=lambda act: (KINDS.index(act.kind), act.relation.name))
    return Harm(commit=commit, acts=tuple(acts))


def _emptied(commit: Commit, database: int, oid: int, known: Known) -> bool | None:
    """Tell whether a relation that was locked lost its file to an empty one; None if that is not to be told.

    A rewrite (VACUUM FULL, ALTER TABLE) makes a table beside, whose number the relation's new file has: it holds the
    rows. TRUNCATE gives a file that was nobody's OID.
    """
    made = {file for base, file in commit.created if base == database}
    if not made or not any(base == database for base, _ in commit.dropped):
        return False
    locked = {each for base, each in commit.locks if base == database}
    after = known.file_after(oid, commit)
    if after in made:
        return after not in locked
    if after is not None:
        lsn, _ = known.scan.created.get((database, after), (Lsn(0), 0))
        if lsn < commit.lsn:
            # Its file is older than this transaction.
            return False
    return _emptied_of(commit, database, oid, known) if made - locked else False


def _emptied_of(commit: Commit, database: int, oid: int, known: Known) -> bool | None:
    """Tell of a relation that got another file still later, or is no longer there, whether it was emptied."""
    locked = {each for base, each in commit.locks if base == database}
    before = known.before(oid, commit)
    if before is not None and before.file and (database, before.file) not in commit.dropped:
        # It lost this file to an earlier transaction, or to none yet.
        lost = any((database, before.file) in one.dropped for one in known.scan.commits if one.lsn < commit.lsn)
        return None if lost else False
    later = (one for one in known.scan.commits if one.lsn > commit.lsn and (database, oid) in one.locks and one.dropped)
    following = next(later, None)
    if following is not None:
        tables = [each for each in locked if (one := known.relation(each, commit)) is not None and one.kind in ROWS]
        rewritten = commit.own(database) & {file for base, file in following.dropped if base == database}
        if len(rewritten) == len(tables):
            # What it had next was a table made beside.
            return False
    return None


def _rows(
    kind: Literal["deleted", "updated"], counts: Counter[Where], database: int, known: Known, gone: set[int]
) -> Sequence[Act]:
    by_oid: Counter[int] = Counter()
    relations: dict[int, Relation] = {}
    for (base, file), rows in counts.items():
        relation = known.by_file(file) if base == database else None
        # Not those of TOAST, whose rows are pieces.
        if relation is not None and relation.kind in ROWS and relation.oid not in gone:
            by_oid[relation.oid] += rows
            relations[relation.oid] = relation
    return [Act(kind=kind, relation=relations[oid], rows=rows) for oid, rows in by_oid.items()]
