"""A run that begins with a base: a restored, proven copy that an earlier run kept, or one that is built and kept now.

A base is used only where all that it depends on is as it was: the backup, or the source's whole catalog; the server's
programs; the settings and hooks that the copy was made with; and this very code. Whatever is in doubt is restored anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import psycopg

from ..backup import manifest
from ..backup.take import Backup
from ..base import keep, place, way
from ..base.manifest import DATA
from ..base.values import About, Base, Identity
from ..catalog import codec
from ..catalog import read as catalog_of
from ..checks.values import Finding
from ..config.forms import span
from ..config.values import Hook, Settings
from ..copy.likeness import Likeness
from ..copy.source import unreachable
from ..copy.vacuous import without_content
from ..errors import CopyError, ServerError
from ..migrate.tools import of
from ..pitr.engines.recover import Restored as Recovered
from ..server.address import Address
from ..server.base import Server
from ..server.capabilities import WAL_FUNCTIONS
from ..server.cluster import Template
from ..server.connection import connect
from ..server.local import LocalServer
from ..snapshot.values import NotVerified, Snapshot
from . import majors, physical, restored
from .expected import costs
from .known import Known, Stage, gathered
from .preflight import Plan
from .restored import Begun, Restored
from .running import Runner
from .steps import Steps, Stopped

#: A line by which a file for psql includes another, or runs a program.
_LEADS_ELSEWHERE = re.compile(rb"^\s*\\", re.MULTILINE)
_CHUNK = 1 << 20
#: As many times its size may all bases have for a base to hold a clone of itself, too.
_ROOM = 4
#: Nobody asked for a base.
OFF = "off"


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
class Wish:
    """A base that is to be found or built."""

    identity: Identity
    #: Seconds that what it holds may be old.
    max_age: float | None
    #: Bytes that all bases may have.
    most: int
    hooked: bool
    #: The database that it is of; None for a backup, which does not change.
    alive: Address | None = None


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


def wish(settings: Settings, plan: Plan) -> Wish | str:
    """Return what base a run may begin with, or why it begins with none."""
    # What tells the next major from the source's is read of the source itself, and of its backup.
    if not settings.server.cache or settings.server.major is not None:
        return OFF
    if why := _hindered(settings, plan):
        return why
    ages = [age for age in (settings.server.cache_age, settings.max_age) if age is not None]
    return Wish(
        identity=_identity(settings, plan), max_age=min(ages, default=None), most=settings.server.cache_size,
        hooked=bool(settings.hooks.after_restore), alive=plan.source.address,
    )  # fmt: skip


def _hindered(settings: Settings, plan: Plan) -> str | None:
    """Return why no base is kept."""
    source, needed = plan.source, (plan.copies + 1) * plan.source.size
    reasons = {
        f"a source of kind {source.kind} is restored in each run": not plan.physical
        and source.kind not in {"database", "backup"},
        f"a server of kind {plan.choice.kind} keeps none, --pgsafe-server=local does": plan.choice.copy is None,
        "a server that is to stay after a failure is the one that restored": settings.server.keep,
        "the server loads libraries, which may write into its cluster": bool(settings.server.preload),
    }
    found = next((reason for reason, holds in reasons.items() if holds), None) or _hooked(settings.hooks.after_restore)
    if found is None and shutil.disk_usage(place.folder()).free < needed:
        return f"too little disk: it takes {needed >> 20:,} MiB"
    return found


def header(settings: Settings, plan: Plan) -> tuple[str, ...]:
    """Return lines for the head of the report: what a run will begin with, and about what it will cost."""
    found = wish(settings, plan)
    if isinstance(found, str):
        lines = () if found == OFF else (f"pgsafe base: {found}",)
        return (*lines, *_expected(plan, plan.copies))
    own = [base for base in place.bases() if base.key == found.identity.key]
    if not own:
        line = f"pgsafe base: none is there yet; this run builds it in {place.folder()}"
        return (line, *_expected(plan, plan.copies + 1))
    [base, *_] = sorted(own, key=lambda one: one.about.moment, reverse=True)
    line = f"pgsafe base: {base.folder.name}, {_age(base.about)} old, {base.bytes >> 20:,} MiB"
    return (f"{line}; its copies: {_way(base, plan)}", *_expected(plan, plan.copies - 1, kept=True))


def _way(base: Base, plan: Plan) -> str:
    assert plan.choice.copied is not None
    if told := way.known(base.folder):
        return told
    try:
        # It is looked at alone.
        return plan.choice.copied(Template(data=base.folder / DATA, password="", stays=True))
    except ServerError as error:
        return error.message


def _expected(plan: Plan, copies: int, *, kept: bool = False) -> tuple[str, ...]:
    choice = plan.choice
    partly = choice.kind != "existing" and choice.version is not None and WAL_FUNCTIONS.known_to(choice.version)
    told = costs(plan.source.size, copies=copies, kept=kept, read_all=plan.migration is not None and not partly)
    return () if told is None else (told,)


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
    room = _ROOM * copy.facts.catalog.database.size <= wanted.most
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


def _age(about: About) -> str:
    return span(float(int(max((datetime.now(timezone.utc) - about.moment).total_seconds(), 0.0))))


def named(about: About) -> str:
    """Say what a base is, for people."""
    how = "recovered" if about.physical else "restored and proven" if about.proven else "restored"
    behind = ", after_restore included" if about.hooked else ""
    return f"a kept base is used: {how} {about.built:%Y-%m-%d %H:%M} UTC{behind}; what it holds is {_age(about)} old"


def _undecided(settings: Settings, plan: Plan) -> Plan:
    """Let the base say what is pending, and not the source, which may have gone on."""
    if settings.migration is None or settings.from_rev is not None:
        return plan
    migration = of(settings.migration)
    if not migration.folder:
        return plan
    rollback = None if settings.rollback is None else of(settings.rollback, way_back=True)
    return replace(plan, migration=migration, rollback=rollback, decided=False, left_out=None)


def _hooked(hooks: tuple[Hook, ...]) -> str | None:
    """Return why a copy behind these hooks is not kept: what they do may hang on more than can be looked at."""
    for hook in hooks:
        if hook.kind == "run":
            return "the hook after_restore runs a command, and what that does another day is not known"
        text = Path(hook.text).read_bytes() if hook.kind == "file" else hook.text.encode()
        if _LEADS_ELSEWHERE.search(text):
            return f"the hook after_restore ({hook}) has commands of psql, and what they do another day is not known"
    return None


def _identity(settings: Settings, plan: Plan) -> Identity:
    source, configured = plan.source, settings.source
    if source.repository is not None:
        recorded = "" if source.repository.facts is None else _content(source.repository.facts)
        what = json.dumps([*source.repository.identity, recorded])
    elif source.address is not None:
        shown = {name: text for name, text in source.address.parameters.items() if name != "password"}
        what = json.dumps(shown, sort_keys=True)
    else:
        assert source.archive is not None
        folder = source.archive.folder
        what = _content(source.archive.path if folder is None else folder / manifest.MANIFEST)
    hooks = [
        (hook.kind, hook.text, _content(Path(hook.text)) if hook.kind == "file" else "")
        for hook in settings.hooks.after_restore
    ]
    return Identity(
        parts={
            "source": what,
            "server": f"{plan.choice.origin} {plan.choice.version} {_stamp(Path(plan.choice.origin))}",
            "extensions": json.dumps(sorted(plan.choice.extensions or ())),
            "machine": f"{platform.machine()} {' '.join(platform.libc_ver())}",
            "role": json.dumps([settings.role, settings.hooks.role]),
            "settings": json.dumps(() if configured is None else configured.settings),
            "hooks": json.dumps(hooks),
            "code": code(),
        }
    )


@cache
def _stamp(folder: Path) -> str:
    """Return what another build of the same version has another of; when it was installed says nothing."""
    return _content(folder / "postgres")


def _content(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder."""
    found = hashlib.sha256()
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not one.is_file():
            continue
        found.update(f"{one.relative_to(path)}\0{one.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        with one.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    return found.hexdigest()


@cache
def code() -> str:
    """Return what tells this code from every other: facts that another release read may mean something else."""
    found, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(path for path in root.rglob("*") if path.suffix in {".py", ".sql"}):
        found.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
