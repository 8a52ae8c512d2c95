"""What keys and values in the configuration file are made of: names, durations, sections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from .forms import age, duration, size

#: Words of ``[server] cache`` that are no duration.
CACHED = ("on", "off")
_NAME = re.compile(r'("([^"]|"")+"|[^".]+)(\.("([^"]|"")+"|[^".]+)){0,2}')


def named(text: str) -> str:
    """Return a name that is well formed.

    :raises ValueError: it is not.
    """
    if not _NAME.fullmatch(text):
        raise ValueError("wanted a name as table.column or schema.table.column")
    return text


def _column(text: str) -> str:
    if "." not in named(text):
        raise ValueError("wanted a column as table.column or schema.table.column")
    return text


def _duration(text: str) -> str:
    duration(text)
    return text


def _size(text: str) -> str:
    size(text)
    return text


def _cache(text: str) -> str:
    if text not in CACHED:
        try:
            age(text)
        except ValueError:
            raise ValueError('wanted "off", "on" or how long it may be used, such as "1 week"') from None
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("wanted a text that is not empty")
    return text.strip()


Text = Annotated[str, AfterValidator(_said)]
Column = Annotated[str, AfterValidator(_column)]
Duration = Annotated[str, AfterValidator(_duration)]
Size = Annotated[str, AfterValidator(_size)]
Cache = Annotated[str, AfterValidator(_cache)]
Jobs = Annotated[int, Field(ge=1, le=64)]


class Section(BaseModel):
    """A table of the file: exactly these keys, exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid")

    #: Keys that a reader may look for here, and where each of them belongs.
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def known_keys(cls) -> tuple[str, ...]:
        """Return the keys that may stand in the table."""
        return tuple(info.alias or name for name, info in cls.model_fields.items())
