"""The documentation's reference of options, keys and commands, rendered from what reads them.

``python -m tests.reference`` in the project's folder writes it.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from pytest_pgsafe.cli.main import group
from pytest_pgsafe.config.sections import SECTIONS, RowsText
from pytest_pgsafe.config.tools import WORDS
from pytest_pgsafe.config.words import Cache, Column, Duration, Section, Size, Text
from pytest_pgsafe.plugin import pytest_addoption

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = Path("docs") / "reference.md"
#: What a value is, for people; with an example.
_WORDS: Sequence[tuple[object, str]] = (
    (Duration, 'a time: `"30s"`, `"15min"`, `"7d"`'),
    (Size, 'a size: `"20GB"`'),
    (Column, 'a column: `"sales.customer_name"`'),
    (Cache, '`"on"`, `"off"` or a time'),
    (RowsText, 'a rule for rows: `"any"`, `"+1.."`'),
    (Text, "a text"),
    (bool, "`true` or `false`"),
    (int, "a number"),
    (float, "a number"),
    (str, "a text"),
)
_HEAD = """# Reference of options, keys and commands

Rendered from the code by `python -m tests.reference`. [Configuration](configuration.md) says what options and
keys mean, and which variables of the environment there are; [the runbook](runbook.md) what the commands are for."""
_UNSET = "Without a default a key is not set, or what is taken hangs on the source and the machine."


def render() -> str:
    """Return the page."""
    parts = [_HEAD, "## Options of pytest", _table(("option", "does"), _options())]
    parts += ["## Keys of pgsafe.toml", "`strict` stands before all sections: `true` or `false`.", _UNSET]
    for place, model in SECTIONS.items():
        if place:
            title = ".".join("NAME" if part == "*" else part for part in place)
            parts += [f"### `[{title}]`", _table(("key", "is", "default"), _keys(model))]
    parts.append("## Commands")
    for command in _commands(group, "pgsafe"):
        parts += [f"### {command.info_name}", *_said(command)]
    return "\n\n".join(parts) + "\n"


class _Group:
    """Stands for pytest's parser, and keeps what it is told."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []

    def getgroup(self, *_: str) -> _Group:
        return self

    def addoption(self, name: str, **said: Any) -> None:
        self.options.append((name, said))


def _options() -> Iterator[tuple[str, ...]]:
    parser: Any = _Group()
    pytest_addoption(parser)
    for name, said in parser.options:
        metavar = said.get("metavar")
        yield f"`{name}{'' if metavar is None else f'={metavar}'}`", said["help"]


def _keys(model: type[Section]) -> Iterator[tuple[str, ...]]:
    for word in WORDS:
        if word.name in model.known_keys() and word.name not in model.model_fields:
            yield f"`{word.name}`", word.wanted, ""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        yield f"`{field.alias or name}`", _is(hints[name]), _default(field)


def _is(hint: Any) -> str:
    """Return what a value has to be."""
    plain = next((words for known, words in _WORDS if hint == known), None)
    if plain is not None:
        return plain
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _one_of([one for one in arguments if one is not type(None)])
    if origin is Literal:
        return " or ".join(f'`"{one}"`' for one in arguments)
    if origin in {list, dict}:
        each = arguments[-1]
        section = isinstance(each, type) and issubclass(each, Section)
        told = "tables" if section else f"a list, each {_is(each)}"
        return told if origin is list else f"a table, for each name {_is(each)}"
    return f"{_is(arguments[0])}{_bounds(arguments[1:])}" if origin is Annotated else "a table"


def _one_of(hints: Sequence[Any]) -> str:
    several = [one for one in hints if get_origin(one) is list]
    if len(hints) == 2 and several and get_args(several[0])[0] in hints:
        return f"{_is(get_args(several[0])[0])}, or a list of several"
    return " or ".join(dict.fromkeys(map(_is, hints)))


def _bounds(metadata: Sequence[Any]) -> str:
    """Return the bounds of a number, as its type says them."""
    said = [one for field in metadata for one in getattr(field, "metadata", ())]
    least, most = ([getattr(one, name) for one in said if hasattr(one, name)] for name in ("ge", "le"))
    return "".join([*(f" from {one}" for one in least), *(f" to {one:,}" for one in most)])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default_factory is not None or field.default is None:
        return ""
    value: object = field.default
    return f"`{str(value).lower()}`" if isinstance(value, (bool, int)) else f'`"{value}"`'


def _commands(command: click.Command, path: str) -> Iterator[click.Context]:
    """Yield each command, those below a group too."""
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, f"{path} {name}")
    else:
        yield context


def _said(context: click.Context) -> Iterator[str]:
    # Not by click's own words, which differ between its releases.
    command = context.command
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    yield f"```text\n{' '.join([str(context.info_name), '[OPTIONS]', *map(_argument, arguments)])}\n```"
    yield " ".join((command.help or "").split())
    yield _table(("option", "does"), ((_option(one), one.help or "") for one in options))


def _argument(argument: click.Argument) -> str:
    name = (argument.metavar or argument.name or "").upper().strip("[]")
    told = name + ("..." if argument.nargs < 0 else "")
    return told if argument.required else f"[{told}]"


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else None
    plain = (option.name or "").upper() if isinstance(option.type, click.types.StringParamType) else "N"
    return f"{names} {option.metavar or choices or plain}"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def main() -> None:
    """Write the page below the current folder."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
