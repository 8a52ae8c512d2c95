"""Which base a run may begin with, all that it depends on, and what the head of the run says of it."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from ..backup import manifest
from ..base import place, way
from ..base.manifest import DATA
from ..base.values import About, Base, Identity
from ..config.forms import span
from ..config.values import Hook, Settings
from ..errors import ServerError
from ..server.address import Address
from ..server.capabilities import WAL_FUNCTIONS
from ..server.cluster import Template
from .expected import costs
from .preflight import Plan

#: A line by which a file for psql includes another, or runs a program.
_LEADS_ELSEWHERE = re.compile(rb"^\s*\\", re.MULTILINE)
_CHUNK = 1 << 20
#: Nobody asked for a base.
OFF = "off"


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
    line = f"pgsafe base: {base.folder.name}, {age(base.about)} old, {base.bytes >> 20:,} MiB"
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


def age(about: About) -> str:
    """Say how old what a base holds is."""
    return span(float(int(max((datetime.now(timezone.utc) - about.moment).total_seconds(), 0.0))))


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
