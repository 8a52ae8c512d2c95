"""A run that begins with a base: a restored, proven copy that an earlier run kept, or one that is built and kept now.

A base is used only where all that it depends on is as it was: the backup, or the source's whole catalog; the server's
programs; the settings and hooks that the copy was made with; and this very code. Whatever is in doubt is restored anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import psycopg

from ..backup.take import Backup
from ..base import keep, place, way
from ..base.values import About
from ..catalog import codec
from ..catalog import read as catalog_of
from ..checks.values import Finding
from ..config.values import Settings
from ..copy.likeness import Likeness
from ..copy.source import unreachable
from ..copy.vacuous import without_content
from ..errors import CopyError, ServerError
from ..migrate.tools import of
from ..pitr.engines.recover import Restored as Recovered
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..server.local import LocalServer
from ..snapshot.values import NotVerified, Snapshot
from . import majors, physical, restored
from .known import Known, Stage, gathered
from .preflight import Plan
from .restored import Begun, Restored
from .running import Runner
from .steps import Steps, Stopped
from .wish import Wish, age, wish

#: As many times its size may all bases have for a base to hold a clone of itself, too.
_ROOM = 4


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of a restored copy, beside the cluster that holds it."""

    dbname: str
    #: A clone of it, which the migration of a run has for itself; None where it makes one.
    after: str | None
    #: Who runs the migration.
    role: str
    facts: Snapshot
    reference: Snapshot
    #: What the restore alone took.
    seconds: float
    like: Likeness
    source_version: str
    notes: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    not_verified: tuple[NotVerified, ...]
    #: How far the source was recovered, where the copy is that cluster itself.
    recovered: Recovered | None = None


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """Where a run stands that looked for a base."""

    known: Known
    #: The base, and what is known of it.
    base: keep.Held | None = None
    state: State | None = None
    #: The backup that was restored in this run, if one was.
    backup: Backup | None = None
    built: bool = False
    #: A step failed.
    ended: bool = False


def obtain(settings: Settings, plan: Plan, steps: Steps, backups: Path, known: Known) -> Obtained:
    """Find the base that a run begins with, or build it; only one of several runs builds.

    Whoever is given a base releases it.
    """
    wanted = wish(settings, plan)
    if isinstance(wanted, str):
        return Obtained(known=known)
    with place.building(wanted.identity.key):
        lines: list[str] = []
        try:
            with plan.turn(), steps.step("base"):
                held = _find(wanted, lines.append)
        except Stopped:
            return Obtained(known=known, ended=True)
        known = known.joined(Known(not_verified=tuple(NotVerified(object="base", reason=line) for line in lines)))
        if held is not None:
            return Obtained(known=known, base=held, state=codec.loads(State, held.state))
        return build(wanted, settings, plan, steps=steps, backups=backups, known=known)


def _find(wanted: Wish, report: Callable[[str], None]) -> keep.Held | None:
    def fits(state: bytes) -> bool:
        # Of what was proven to be whole: it is not read, if another shape of values wrote it.
        try:
            kept = codec.loads(State, state)
        except ValueError:
            return False
        return wanted.alive is None or _catalog(wanted.alive) == kept.reference.catalog

    return keep.find(wanted.identity, max_age=wanted.max_age, fits=fits, report=report)


def _catalog(address: Address) -> object:
    """Return the source's catalog as it is now: a base of before a migration would be rehearsed on in vain."""
    try:
        with connect(address, statement_timeout="60s", lock_timeout="10s") as connection:
            return catalog_of.read(connection)
    except psycopg.Error as error:
        raise unreachable(address, error) from error


def anew(
    wanted: Wish, settings: Settings, plan: Plan, *, steps: Steps, backups: Path, known: Known
) -> Obtained:  # fmt: skip
    """Build a base whatever is there; it replaces those that are not in use."""
    with place.building(wanted.identity.key):
        return build(wanted, settings, plan, steps=steps, backups=backups, known=known)


def build(
    wanted: Wish, settings: Settings, plan: Plan, *, steps: Steps, backups: Path, known: Known
) -> Obtained:  # fmt: skip
    """Restore and prove a copy of the source on a server of its own, stop that, and keep it."""
    begun_with = known
    try:
        server, taken = physical.begin(plan, steps, restoring=_only_restored(settings, plan))
    except Stopped:
        return Obtained(known=known, ended=True)
    made: list[Restored] = []

    def stages(begun: Begun) -> Stage[None]:
        made.append((yield from physical.copied(begun, taken)))

    with server:
        known = known.joined(_described(server, plan))
        begun = Begun(settings=settings, plan=plan, steps=steps, server=server, backups=backups)
        known = gathered(known, stages(begun))
        if not made:
            return Obtained(known=known, ended=True)
        [copy] = made
        backup = copy.backup
        try:
            with steps.optional("keep"):
                state = _state(known, copy, after=_cloned(wanted, server, copy))
                held = _keep(wanted, plan, server, state, backup)
        except (CopyError, ServerError) as error:
            # What was stopped, and perhaps moved, is restored once more.
            told = NotVerified(object="base", reason=f"the copy was not kept: {error.message}")
            return Obtained(known=begun_with.joined(Known(not_verified=(told,))), backup=backup)
    return Obtained(known=known, base=held, state=state, backup=backup, built=True)


def _only_restored(settings: Settings, plan: Plan) -> bool:
    """Tell whether nothing is done to the copy of which the WAL tells: by hooks, or to cut off servers elsewhere."""
    reaches = any(name.endswith("_fdw") or name == "dblink" for name in plan.extensions)
    return not settings.hooks.after_restore and not reaches


def _described(server: Server, plan: Plan) -> Known:
    told = server.describe()
    return Known(server=told, not_verified=tuple(majors.gap(plan.source.version, told["version"])))


def _cloned(wanted: Wish, server: Server, copy: Restored) -> str | None:
    """Clone the copy for the migrations of the runs that begin with it, where there is room; return its name.

    A run has the clone with its copy of the base, whatever its size; and made here, it is made once.
    """
    size = copy.facts.catalog.database.size
    # Itself, and the run's copy of both.
    room = _ROOM * size <= wanted.most and 3 * size <= shutil.disk_usage(place.folder()).free
    return server.clone(copy.before, "after").dbname if room else None


def _state(known: Known, copy: Restored, *, after: str | None) -> State:
    return State(
        dbname=copy.before.dbname, after=after, role=copy.runner.role, facts=copy.facts, reference=copy.reference,
        seconds=copy.seconds, like=copy.like, source_version=known.source_version or "", notes=known.notes,
        findings=known.findings or (), not_verified=known.not_verified,
        recovered=known.recovered if known.physical else None,
    )  # fmt: skip


def _keep(wanted: Wish, plan: Plan, server: Server, state: State, backup: Backup | None) -> keep.Held:
    # What the choice can copy is one.
    assert isinstance(server, LocalServer)
    taken = None if backup is None or backup.manifest is None else backup.manifest.taken_at
    about = About(
        source=plan.source.shown, taken=taken if state.recovered is None else state.recovered.until,
        built=datetime.now(timezone.utc), version=str(server.version),
        proven=backup is not None and backup.facts is not None, hooked=wanted.hooked,
        physical=state.recovered is not None,
    )  # fmt: skip
    programs, dumped = server.local, codec.dumps(state)
    return keep.put(wanted.identity, about, server.seal(), dumped, programs, most=wanted.most)


def start(obtained: Obtained, plan: Plan, steps: Steps) -> Server:
    """Start a copy of the base.

    :raises Stopped: it does not start.
    """
    assert obtained.base is not None
    assert plan.choice.copy is not None
    with steps.step("copy" if obtained.built else "server"):
        server = plan.choice.copy(obtained.base.template)
    way.note(obtained.base.base.folder, server.describe()["copy"])
    return server


def recalled(begun: Begun, obtained: Obtained) -> Stage[Restored]:
    """Return the restored copy as it was when it was kept."""
    base, state, settings = obtained.base, obtained.state, begun.settings
    assert base is not None
    assert state is not None
    about, backup, plan = base.base.about, obtained.backup, begun.plan
    if not obtained.built:
        reason = named(about)
        if plan.source.kind == "database" or plan.physical:
            begun.steps.skip("backup", reason)
            plan = _undecided(settings, plan)
            yield Known(plan=plan)
        else:
            backup = yield from restored.take(begun)
        begun.steps.skip("restore", reason)
        # What was said of it then, but for what depends on the run.
        gaps = tuple(gap for gap in state.not_verified if gap.object not in {"content", "max_age", "base"})
        content = without_content(state.facts, plan.source.kind) if plan.migration is not None else ()
        yield Known(
            recovered=state.recovered, physical=None if state.recovered is None else True,
            taken=None if state.recovered is None else state.recovered.until.astimezone(timezone.utc),
            like=state.like, source_version=state.source_version, notes=state.notes, findings=state.findings,
            not_verified=(*gaps, *content), compared=state.facts, reference=state.reference,
            functions={name: function.definition for name, function in state.facts.catalog.functions.items()},
        )  # fmt: skip
    yield Known(base=about)
    before = begun.server.address(state.dbname)
    # The password that it was let in with is not known any more.
    begun.server.address(state.dbname, user=state.role)
    runner = Runner(settings=settings, server=begun.server, role=state.role, source=plan.source.address)
    return Restored(
        settings=settings, plan=plan, steps=begun.steps, server=begun.server, before=before, facts=state.facts,
        runner=runner, like=state.like, backup=backup, reference=state.reference, seconds=state.seconds,
        ready=None if state.after is None else begun.server.address(state.after),
    )  # fmt: skip


def named(about: About) -> str:
    """Say what a base is, for people."""
    how = "recovered" if about.physical else "restored and proven" if about.proven else "restored"
    behind = ", after_restore included" if about.hooked else ""
    return f"a kept base is used: {how} {about.built:%Y-%m-%d %H:%M} UTC{behind}; what it holds is {age(about)} old"


def _undecided(settings: Settings, plan: Plan) -> Plan:
    """Let the base say what is pending, and not the source, which may have gone on."""
    if settings.migration is None or settings.from_rev is not None:
        return plan
    migration = of(settings.migration)
    if not migration.folder:
        return plan
    rollback = None if settings.rollback is None else of(settings.rollback, way_back=True)
    return replace(plan, migration=migration, rollback=rollback, decided=False, left_out=None)
