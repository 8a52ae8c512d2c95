"""The step of the next major: what it has otherwise than the source's, and pg_upgrade on a copy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import psycopg

from ..backup.take import Backup
from ..catalog.options import is_own
from ..checks import judge_upgrade
from ..compare.restored import difference
from ..copy import restoring
from ..copy.backups import backup_once
from ..errors import PgsafeError, SnapshotError
from ..server import minors, preload
from ..server.connection import connect
from ..server.local import LocalServer
from ..server.private import private_folder
from ..server.programs import LocalPrograms
from ..server.version import Version
from ..snapshot.session import reason as said_by
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot
from ..upgrade import collations, extensions, gone, settings
from ..upgrade.pg_upgrade import Clusters
from ..upgrade.values import Missing, Mode, Transfer, Upgrade
from .known import Known, Stage
from .restored import Begun, Restored

#: What is said of the part of PostgreSQL's own programs.
PG_UPGRADE = "pg_upgrade"
#: By link last: the old cluster is gone then.
_MODES: tuple[Mode, ...] = ("copy", "link")
_REFUSED_OPTION = re.compile(r'unrecognized parameter "([^"]+)"')
#: So many differences of an upgraded database are named.
_MOST = 10


def go(begun: Begun, copy: Restored) -> Stage[None]:
    """Tell what the next major has otherwise, where one was asked for."""
    if copy.plan.major is None:
        return
    if (why := _nothing(copy)) is not None:
        begun.steps.skip("major", why)
        yield Known(unused={"major": why})
        return
    version = copy.plan.source.version
    assert version is not None
    with begun.steps.step("major"):
        try:
            upgrade = _read(copy, Upgrade(source=str(version), server=str(copy.server.version), restored=copy.seconds))
        except psycopg.Error as error:
            told = getattr(error, "message", None) or said_by(error)
            raise SnapshotError("what both servers have cannot be compared", looked_at=[told]) from error
        yield Known(upgrade=upgrade, notes=judge_upgrade(upgrade), not_verified=upgrade.not_verified)
    programs = _programs(copy, version)
    if isinstance(programs, str):
        begun.steps.skip("upgrade", programs)
        yield Known(not_verified=(NotVerified(object=PG_UPGRADE, reason=programs),))
        return
    with begun.steps.step("upgrade"):
        ran = _upgraded(begun, copy, *programs, Upgrade(source=upgrade.source, server=upgrade.server))
        told = replace(upgrade, refusals=ran.refusals, warnings=ran.warnings, transfers=ran.transfers)
        yield Known(upgrade=told, notes=judge_upgrade(ran), not_verified=ran.not_verified)


def _nothing(copy: Restored) -> str | None:
    """Return why there is nothing to tell."""
    version = copy.plan.source.version
    if version is None:
        return "the source does not say which major it is of"
    if version.major == copy.plan.major:
        return f"the source is of PostgreSQL {version.major} already"
    return None


def _read(copy: Restored, upgrade: Upgrade) -> Upgrade:
    """Compare what both servers say: settings, extensions, and the order of keys."""
    source, recorded = copy.plan.source.address, copy.reference.catalog.settings if copy.proven else None
    functions = {name: one.definition for name, one in copy.facts.catalog.functions.items()}
    missing: Sequence[Missing] = ()
    gaps: Sequence[NotVerified] = ()
    nobody = "the source is no live database: nobody can be asked how its server sorts"
    ours = copy.server.owns_cluster
    with connect(copy.before, read_only=False) as server:
        if source is not None:
            with connect(source, statement_timeout="60s", lock_timeout="10s") as session:
                given, defaults, gaps = settings.compare(session, server, ours=ours)
                orders = collations.compare(session, server)
                missing = tuple(gone.compare(session, server, functions))
        else:
            given, defaults, gaps = settings.recorded(recorded or {}, server, ours=ours)
            orders = collations.Found(not_verified=collations.not_compared(server, nobody))
        newer = tuple(extensions.compare(copy.reference.catalog.extensions, copy.facts.catalog.extensions, server))
    return replace(
        upgrade, given=given, defaults=defaults, extensions=newer, missing=missing, orders=orders.orders,
        not_verified=(*gaps, *orders.not_verified),
    )  # fmt: skip


def _programs(copy: Restored, version: Version) -> tuple[LocalPrograms, LocalPrograms] | str:
    """Return the programs of both majors, or why pg_upgrade cannot be run."""
    new = copy.server.programs
    if not isinstance(new, LocalPrograms) or not isinstance(copy.server, LocalServer):
        return f"it takes the programs of both majors on this machine, and the copy's server is {copy.server.kind}"
    if not (new.folder / PG_UPGRADE).is_file():
        return f"{new.folder} has no pg_upgrade"
    old = minors.serving(version)
    return f"no programs of PostgreSQL {version.major} are on this machine" if old is None else (old, new)


def _upgraded(begun: Begun, copy: Restored, old: LocalPrograms, new: LocalPrograms, upgrade: Upgrade) -> Upgrade:
    """Restore the source into a server of its own major, and run pg_upgrade on that."""
    preloaded = preload.settings(begun.settings.server.preload)
    with private_folder("upgrade") as private:
        server = LocalServer.start(old, settings=preloaded, reason="the source's major", enclosed=True)
        with server:
            try:
                prepared, facts = _own_major(begun, copy, server)
            except PgsafeError as error:
                reason = f"the source could not be restored into PostgreSQL {old.version} first: {error.message}"
                return replace(upgrade, not_verified=(NotVerified(object=PG_UPGRADE, reason=reason),))
            names = (prepared.address.dbname, copy.plan.source.database)
            clusters = Clusters(private, server, new, names=names)
        said = clusters.check()
        if not said.passed:
            if said.refusals:
                return replace(upgrade, refusals=said.refusals, warnings=said.warnings)
            reason = f"pg_upgrade --check could not be run: {'; '.join(said.lines)}"
            return replace(upgrade, not_verified=(NotVerified(object=PG_UPGRADE, reason=reason),))
        upgrade = replace(upgrade, refusals=(), warnings=said.warnings)
        transfers: list[Transfer] = []
        for mode in _MODES:
            transfers.append(_transferred(clusters, mode, new, prepared, facts))
            if transfers[-1].failed:
                break
        if stored := _stored(transfers[-1]):
            reason = f"PostgreSQL {old.version} stores {stored} for itself, which {new.version} refuses"
            if str(old.version) != upgrade.source:
                # The source is of another minor, and need not have it.
                gap = NotVerified(object=PG_UPGRADE, reason=f"{reason}; the source is {upgrade.source}")
                return replace(upgrade, not_verified=(gap,))
            reason += f": install programs of PostgreSQL {new.version.major} of a newer minor"
            transfers[-1] = replace(transfers[-1], failed=(*transfers[-1].failed, reason))
    return replace(upgrade, transfers=tuple(transfers))


def _stored(transfer: Transfer) -> str | None:
    """Return the option that a server stores for itself, and that another one refused."""
    found = (one for line in transfer.failed for one in _REFUSED_OPTION.findall(line))
    return next((name for name in found if is_own(name)), None)


def _own_major(begun: Begun, copy: Restored, server: LocalServer) -> tuple[restoring.Prepared, Snapshot]:
    """Restore the source into a server of its own major; return its facts, or where it has none the copy's."""
    source, backup = copy.plan.source, _fitting(begun, copy, server.local)
    catalog = None if backup is None or backup.facts is None else backup.facts.catalog
    names = () if catalog is not None else restoring.role_names(source, backup)
    owners = restoring.owner_names(source, backup)
    # Settings are the servers' own here: pg_upgrade carries over what stands in the database.
    like = replace(copy.like, settings=None)
    prepared = restoring.prepare(server, catalog, names, name="upgrade", owners=owners, like=like)
    restoring.fill(source, backup, prepared, server)
    restoring.finish(catalog, prepared, server)
    if backup is not None and backup.facts is not None:
        return prepared, backup.facts
    with connect(prepared.address) as session:
        return prepared, read_facts(session)


def _fitting(begun: Begun, copy: Restored, old: LocalPrograms) -> Backup | None:
    """Return a backup that programs of the source's major can restore: one that they take, if need be."""
    source, backup = copy.plan.source, copy.backup
    if backup is None or backup.manifest is None or source.address is None:
        return backup
    if Version.parse(backup.manifest.pg_dump_version).major <= old.version.major:
        return backup
    with begun.plan.turn():
        return backup_once(
            source.address, begun.backups / "own-major", old, jobs=source.jobs, sessions=source.sessions
        )  # fmt: skip


def _transferred(
    clusters: Clusters, mode: Mode, new: LocalPrograms, prepared: restoring.Prepared, facts: Snapshot
) -> Transfer:  # fmt: skip
    said, upgraded = clusters.transfer(mode)
    if not said.passed:
        return Transfer(mode=mode, seconds=said.seconds, failed=(*said.refusals, *said.lines))
    with (
        LocalServer.start(new, template=upgraded, reason="upgraded", enclosed=True) as server,
        connect(server.address(prepared.address.dbname)) as session,
    ):
        changes = restoring.unequal(facts, read_facts(session), prepared)
    return Transfer(mode=mode, seconds=said.seconds, unequal=tuple(difference(one) for one in changes[:_MOST]))
