"""What a person would write to announce what a finding objects to, if it is meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..compare.values import Action, Change
from . import BY_CODE
from .announced import COLLECTIONS
from .contents import VALUES_CHANGED
from .cost import WAIT_BUDGET
from .denormalized import COPY_LOST
from .locks import LOCK_BUDGET, REWRITE, STRONG_LOCK
from .rows import ROWS_GONE, ROWS_MULTIPLIED
from .traffic import DEADLOCK, QUEUE
from .values import BEYOND, Check, Finding, Severity

#: How a comment begins, by the file's suffix.
_MARKS = {"py": "#", "sql": "--"}
_REASON = 'reason = "…"'
#: What an announced lock excuses, a warning too.
_LOCKS = frozenset({STRONG_LOCK, REWRITE, WAIT_BUDGET, LOCK_BUDGET, DEADLOCK, QUEUE})
#: What an object is that works otherwise and is as it was; a function is known by its name.
_WORKS = ("view", "table")


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What would make an error a note."""

    #: The key of ``[expect]``.
    form: str
    #: Kinds and names of what is announced.
    objects: tuple[tuple[str, str], ...]
    #: Of a lock.
    mode: str | None = None

    def toml(self) -> str:
        """Return the line of ``[expect]``."""
        if self.form == "rows":
            return "".join(f'rows = {{ {_text(name)} = {{ rule = "any", {_REASON} }} }}' for _, name in self.objects)
        mode = "" if self.mode is None else f"mode = {_text(self.mode)}, "
        told = (f"{{ {kind} = {_text(name)}, {mode}{_REASON} }}" for kind, name in self.objects)
        return f"{self.form} = [{', '.join(told)}]"

    def comment(self) -> str | None:
        """Return the comment of a migration's file; None where one alone cannot say it."""
        if len(self.objects) != 1:
            return None
        ((kind, name),) = self.objects
        before = f"{kind} " if self.form in {"dropped", "changed"} and kind != "column" else ""
        after = {"rows": " any", "locks": f" {self.mode}"}.get(self.form, "")
        return f"pgsafe: expect {self.form} {before}{name}{after}: …" if name.isprintable() else None


def announcement(finding: Finding, changes: Iterable[Change]) -> str | None:
    """Return the line of ``[expect]`` that makes an error a note; None where nothing does.

    :param changes: those of the run: of which kind an object is that was dropped, or is another.
    """
    found = _announced(finding, changes)
    return None if found is None else found.toml()


def comment(finding: Finding, changes: Iterable[Change]) -> str | None:
    """Return the comment that says the same in the file that did it, of Python or SQL; None of another file."""
    cited = finding.statement
    mark = None if cited is None or cited.file is None else _MARKS.get(cited.file.rpartition(".")[2])
    if cited is None or mark is None:
        return None
    found = _announced(finding, changes)
    said = None if found is None else found.comment()
    return None if said is None else f"in {cited.file}: {mark} {said}"


def _announced(finding: Finding, changes: Iterable[Change]) -> Announced | None:
    check = BY_CODE.get(finding.code)
    if check in _LOCKS and finding.severity is not Severity.NOTE:
        mode = finding.after
        return None if mode is None else Announced(form="locks", objects=(("table", finding.object),), mode=str(mode))
    if finding.severity is not Severity.ERROR or check is None or not check.is_effect:
        return None
    # What a dropped copy alone said is lost whoever announces the drop.
    if finding.standing or finding.aspect == BEYOND or finding.check == "rollback" or check is COPY_LOST:
        return None
    content = {ROWS_GONE: ("rows", "table"), ROWS_MULTIPLIED: ("rows", "table"), VALUES_CHANGED: ("values", "column")}
    if check in content:
        form, kind = content[check]
        return Announced(form=form, objects=((kind, finding.object),))
    found = tuple(changes)
    return _of_object(finding.object, check, found) or _of_causes(finding, check, found)


def _of_object(name: str, check: Check, changes: Iterable[Change]) -> Announced | None:
    mine = [change for change in changes if change.object == name]
    for change in mine:
        if change.action is Action.DROPPED and change.kind in COLLECTIONS:
            return Announced(form="dropped", objects=((change.kind, name),))
    for change in mine:
        kind = "sequence" if change.kind == "sequence value" else change.kind
        if change.action is Action.CHANGED and kind in check.excused_by:
            return Announced(form="changed", objects=((kind, name),))
    return None


def _of_causes(finding: Finding, check: Check, changes: Iterable[Change]) -> Announced | None:
    """Return what announces the changes that made an object work otherwise which stayed as it was."""
    known = {change.object: change.kind for change in changes if change.action is Action.CHANGED}
    kinds = [known.get(cause, "") for cause in finding.causes]
    if kinds and all(kind in check.excused_by for kind in kinds):
        return Announced(form="changed", objects=tuple(zip(kinds, finding.causes, strict=True)))
    if finding.check != "works" or finding.severity is not Severity.ERROR:
        return None
    kind = "function" if "(" in finding.object else next((one for one in _WORKS if one in check.excused_by), None)
    return None if kind is None else Announced(form="changed", objects=((kind, finding.object),))


def _text(name: str) -> str:
    """Return a name as a string of TOML."""
    if "'" not in name and name.isprintable() and '"' in name:
        return f"'{name}'"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08X}" for one in escaped) + '"'
