"""What a person would write to announce what a finding objects to, if it is meant."""

from __future__ import annotations

from collections.abc import Iterable

from ..compare.values import Action, Change
from . import BY_CODE
from .announced import COLLECTIONS
from .contents import VALUES_CHANGED
from .cost import WAIT_BUDGET
from .locks import LOCK_BUDGET, REWRITE, STRONG_LOCK
from .rows import ROWS_GONE, ROWS_MULTIPLIED
from .traffic import DEADLOCK, QUEUE
from .values import BEYOND, Check, Finding, Severity

_REASON = 'reason = "…"'
#: What an announced lock excuses, a warning too.
_LOCKS = frozenset({STRONG_LOCK, REWRITE, WAIT_BUDGET, LOCK_BUDGET, DEADLOCK, QUEUE})
#: What an object is that works otherwise and is as it was; a function is known by its name.
_WORKS = ("view", "table")


def announcement(finding: Finding, changes: Iterable[Change]) -> str | None:
    """Return the line of ``[expect]`` that makes an error a note; None where nothing does.

    :param changes: those of the run: of which kind an object is that was dropped, or is another.
    """
    check = BY_CODE.get(finding.code)
    if check in _LOCKS and finding.severity is not Severity.NOTE:
        told = f"table = {_text(finding.object)}, mode = {_text(str(finding.after))}, {_REASON}"
        return f"locks = [{{ {told} }}]" if finding.after is not None else None
    if finding.severity is not Severity.ERROR or check is None or not check.is_effect:
        return None
    if finding.standing or finding.aspect == BEYOND or finding.check == "rollback":
        return None
    if check in {ROWS_GONE, ROWS_MULTIPLIED}:
        return f'rows = {{ {_text(finding.object)} = {{ rule = "any", {_REASON} }} }}'
    if check is VALUES_CHANGED:
        return f"values = [{{ column = {_text(finding.object)}, {_REASON} }}]"
    found = tuple(changes)
    return _of_object(finding.object, check, found) or _of_causes(finding, check, found)


def _of_object(name: str, check: Check, changes: Iterable[Change]) -> str | None:
    mine = [change for change in changes if change.object == name]
    for change in mine:
        if change.action is Action.DROPPED and change.kind in COLLECTIONS:
            return f"dropped = [{{ {change.kind} = {_text(name)}, {_REASON} }}]"
    for change in mine:
        kind = "sequence" if change.kind == "sequence value" else change.kind
        if change.action is Action.CHANGED and kind in check.excused_by:
            return f"changed = [{{ {kind} = {_text(name)}, {_REASON} }}]"
    return None


def _of_causes(finding: Finding, check: Check, changes: Iterable[Change]) -> str | None:
    """Return what announces the changes that made an object work otherwise which stayed as it was."""
    known = {change.object: change.kind for change in changes if change.action is Action.CHANGED}
    kinds = [known.get(cause, "") for cause in finding.causes]
    if kinds and all(kind in check.excused_by for kind in kinds):
        told = (f"{{ {kind} = {_text(cause)}, {_REASON} }}" for kind, cause in zip(kinds, finding.causes, strict=True))
        return f"changed = [{', '.join(told)}]"
    if finding.check != "works" or finding.severity is not Severity.ERROR:
        return None
    kind = "function" if "(" in finding.object else next((one for one in _WORKS if one in check.excused_by), None)
    return None if kind is None else f"changed = [{{ {kind} = {_text(finding.object)}, {_REASON} }}]"


def _text(name: str) -> str:
    """Return a name as a string of TOML."""
    if "'" not in name and name.isprintable() and '"' in name:
        return f"'{name}'"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08X}" for one in escaped) + '"'
