"""Migrations written in Python, read as text to find the line of a statement: nothing of a project is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...catalog.names import bare, container, unquoted
from ...reading.read import read
from ...reading.script import parts
from ...reading.values import ROWS, Does, Effect
from .sources import relative

#: Functions and arguments that undo.
_BACK = frozenset({"downgrade", "reverse_sql", "reverse_code"})
#: What of ``alembic.op`` runs nothing by itself.
_SILENT = frozenset({"f", "get_bind", "get_context", "inline_literal"})
#: How the names of operations begin that do it; where nothing else tells two apart.
_WORDS = {
    Does.CREATES: ("create", "add"),
    Does.DROPS: ("drop", "remove", "delete"),
    Does.RENAMES: ("rename", "alter"),
}
_ALTERS = ("alter",)
#: How the names of operations begin that do the opposite.
_AGAINST = {Does.CREATES: ("drop", "remove", "delete"), Does.DROPS: ("create", "add")}
#: What stands in the names of operations that make or drop something beside a column, which they name as well.
_BESIDE = ("index", "constraint", "foreign_key", "primary_key")


@dataclass(frozen=True, kw_only=True)
class _Operation:
    """One call that changes the schema."""

    line: int
    #: As it is written, in lower case: ``drop_column``, ``removefield``.
    name: str
    #: Names that stand in it, and in what it stands in.
    words: frozenset[str]


@dataclass(frozen=True)
class Script:
    """A file in which a revision is written."""

    #: Its path from the folder of the tool's own file.
    name: str
    path: Path
    tree: ast.Module

    @classmethod
    def read(cls, path: Path, folder: Path) -> Script | None:
        """Read a file; None where it is not there, or no Python."""
        try:
            return cls(relative(path, folder), path, ast.parse(path.read_bytes()))
        except (OSError, SyntaxError, ValueError):
            return None

    def line(self, statement: str) -> int | None:
        """Return the line that a statement comes from; None where several may be meant, or none can be told."""
        wanted = " ".join(statement.split())
        written = {line for text, line in self._statements if text == wanted}
        if written:
            return written.pop() if len(written) == 1 else None
        if self._only is not None:
            return self._only
        # Rows are written by expressions, whose text shows nothing.
        effects = [effect for effect in read(statement).effects if effect.does not in ROWS]
        near = [one for one in self._operations if any(_may(one, effect) for effect in effects)]
        if len({one.line for one in near}) > 1:
            starts = tuple(word for effect in effects for word in _WORDS.get(effect.does, _ALTERS))
            near = [one for one in near if one.name.startswith(starts)]
        lines = {one.line for one in near}
        return lines.pop() if len(lines) == 1 else None

    @cached_property
    def _statements(self) -> tuple[tuple[str, int], ...]:
        """The statements that stand in strings, each with its line."""
        found: list[tuple[str, int]] = []
        for node in _forth(self.tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()):
                continue
            # A string of several lines, as it stands: one with \n in it stands in fewer.
            whole = (node.end_lineno or node.lineno) - node.lineno == node.value.count("\n")
            for part in parts(node.value):
                below = node.value.count("\n", 0, part.start) if whole else 0
                found.append((" ".join(part.text.split()), node.lineno + below))
        return tuple(found)

    @cached_property
    def _only(self) -> int | None:
        """The line of the one thing that it does, where it does one alone."""
        body = self._body
        return body[0].lineno if len(body) == 1 else None

    @cached_property
    def _body(self) -> list[ast.stmt] | list[ast.expr]:
        """What it does, one after the other: Django's operations, or what stands in Alembic's ``upgrade``."""
        for node in ast.walk(self.tree):
            for target, value in _pairs(node) if isinstance(node, ast.stmt) else ():
                # Of calls: a list of another kind is the project's own.
                calls = isinstance(value, ast.List) and all(isinstance(one, ast.Call) for one in value.elts)
                if _is(target, "operations") and isinstance(value, ast.List) and calls:
                    return value.elts
            if isinstance(node, ast.FunctionDef) and node.name == "upgrade":
                return [
                    one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
                ]
        return []

    @cached_property
    def _operations(self) -> tuple[_Operation, ...]:
        if self._body and isinstance(self._body[0], ast.expr):
            app = self.path.parent.parent.name.lower()
            calls = (node for node in self._body if isinstance(node, ast.Call))
            return tuple(
                _Operation(line=call.lineno, name=_called(call), words=_models(app, self._words(call)))
                for call in calls
            )
        op = {
            name.asname or name.name
            for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) and node.module == "alembic"
            for name in node.names if name.name == "op"
        }  # fmt: skip
        return tuple(self._calls(self.tree, op, frozenset()))

    def _calls(self, node: ast.AST, op: Collection[str], around: frozenset[str]) -> Iterator[_Operation]:
        """Yield the calls of ``op``, and of what ``with op.batch_alter_table(…)`` gives."""
        if isinstance(node, ast.With):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and _owner(item.context_expr) in op:
                    around |= self._words(item.context_expr)
                    if isinstance(item.optional_vars, ast.Name):
                        op = {*op, item.optional_vars.id}
            for one in node.body:
                yield from self._calls(one, op, around)
        elif isinstance(node, ast.Call) and _owner(node) in op and _called(node) not in _SILENT:
            yield _Operation(line=node.lineno, name=_called(node), words=around | self._words(node))
        elif not (isinstance(node, ast.FunctionDef) and node.name in _BACK):
            for child in ast.iter_child_nodes(node):
                yield from self._calls(child, op, around)

    def _words(self, node: ast.AST) -> frozenset[str]:
        """Return the names in strings, also of constants of the module."""
        found: set[str] = set()
        for one in _forth(node):
            text = one.value if isinstance(one, ast.Constant) else None
            if isinstance(one, ast.Name):
                text = assigned(self.tree, one.id)
            if isinstance(text, str):
                found |= {text, *text.split(".")}
        return frozenset(found)


def assigned(tree: ast.Module, name: str) -> str | None:
    """Return the string that a name is set to, by the module or by a class in it."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in (*tree.body, *(node for one in classes for node in one.body)):
        for target, value in _pairs(node):
            if _is(target, name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return None


def _pairs(node: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what an assignment sets, each with its value."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=False)
            else:
                yield target, node.value


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _forth(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a node, but for what undoes."""
    if isinstance(node, ast.FunctionDef) and node.name in _BACK:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.keyword) and child.arg in _BACK):
            yield from _forth(child)


def _called(call: ast.Call) -> str:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return str(name).lower()


def _owner(call: ast.Call) -> str | None:
    func = call.func
    return func.value.id if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) else None


def _models(app: str, words: frozenset[str]) -> frozenset[str]:
    """Return what Django calls the tables of models and the columns of fields, too."""
    lower = {word.lower() for word in words}
    return words | lower | {f"{app}_{word}" for word in lower} | {f"{word}_id" for word in lower}


def _may(operation: _Operation, effect: Effect) -> bool:
    """Tell whether an operation may have done it: it names the object, and does not do something else."""
    if operation.name.startswith(_AGAINST.get(effect.does, ())):
        return False
    if effect.kind == "column" and any(word in operation.name for word in _BESIDE):
        return False
    return _needed(effect) <= operation.words


def _needed(effect: Effect) -> set[str]:
    """Return the names that an operation has to have: the object's, and its table's."""
    below = container(effect.object) if effect.kind in {"column", "constraint", "trigger", "policy", "rule"} else ""
    return {unquoted(bare(name)) for name in (effect.object, below) if name}
