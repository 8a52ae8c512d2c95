"""The section ``[migration]``: its keys are known beforehand but for the names of tools that others bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

from pydantic import ConfigDict, Field, PrivateAttr, TypeAdapter, model_validator

from . import tools
from .words import Duration, Section, Text

if TYPE_CHECKING:
    # Of pydantic itself from 2.10 on.
    from pydantic.functional_validators import ModelWrapValidatorHandler
    from typing_extensions import Self

_SETTINGS = TypeAdapter(dict[str, Text], config=ConfigDict(strict=True))


class MigrationSection(Section):
    """How the migration is run, the way back, and what both are given; the names of tools are keys too."""

    run: Text | None = None
    rollback: Text | None = None
    role: Text | None = None
    transaction: bool | None = None
    env: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = "1h"
    network: Literal["auto", "isolated", "open"] = "auto"
    lock_wait: Duration = "1m"
    again: bool = True
    files: list[Text] | Text = Field(default_factory=list[Text])
    _tools: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @model_validator(mode="wrap")
    @classmethod
    def with_tools(cls, content: object, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Take the keys that are names of tools for their settings."""
        if not isinstance(content, Mapping):
            return validate(content)
        given = cast("Mapping[str, object]", content)
        names = tools.keys(name for name in given if name not in cls.model_fields)
        section = validate({name: value for name, value in given.items() if name not in names})
        section.by_tool.update(_SETTINGS.validate_python({name: given[name] for name in names}))
        return section

    @classmethod
    def known_keys(cls) -> tuple[str, ...]:
        """Return the keys, those of tools first."""
        return (*(word.name for words in (tools.WORDS, tools.others()) for word in words), *super().known_keys())

    @property
    def by_tool(self) -> dict[str, str]:
        """The settings of tools, by name."""
        return self._tools

    @property
    def ways(self) -> dict[str, str]:
        """What is to be run, by the tool's name; ``run`` is a command."""
        return {**self.by_tool, **({} if self.run is None else {"run": self.run})}
