"""While the feature is off: what was given for it is told, so that nobody takes the silence for a verdict."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ..errors import UsageError

_PREFIX = "--pgsafe-"
#: What settings are read from, beside what turns it on.
_VARIABLES = (
    "PGSAFE_SOURCE",
    "PGSAFE_MIGRATION",
    "PGSAFE_ROLLBACK",
    "PGSAFE_SERVER",
    "PGSAFE_SERVER_CACHE",
    "PGSAFE_IMAGE",
    "PGSAFE_MAJOR",
    "PGSAFE_REPORT",
    "PGSAFE_EVIDENCE_ROOT",
    "PGSAFE_CONFIG",
)
#: The same of those that are on or off.
_FLAGS = ("PGSAFE_STRICT", "PGSAFE_KEEP", "PGSAFE_SERVER_SUPERUSER")
_NO = ("", "0", "false", "no", "off")


class Off:
    """A run without the feature, in the controlling process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        #: Options of the call itself.
        self.called = tuple(dict.fromkeys(_options(config.invocation_params.args, config.invocation_params.dir)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Refuse options of the call: who gives one wants a verdict.

        :raises pytest.UsageError: one was given.
        """
        if self.called:
            one = len(self.called) == 1
            error = UsageError(
                f"{', '.join(self.called)} {'has' if one else 'have'} no effect: pgsafe is off, so nothing would be"
                " looked at",
                remedies=["turn it on: --pgsafe, or PGSAFE=1", f"or leave {'it' if one else 'them'} out"],
            )
            raise pytest.UsageError(str(error))

    def pytest_report_header(self) -> list[str]:
        """Say that options of addopts and variables wait for the runs that turn it on."""
        waiting = (*self._elsewhere(), *_variables(os.environ))
        if not waiting:
            return []
        have = "has" if len(waiting) == 1 else "have"
        return [f"pgsafe is off: {', '.join(waiting)} {have} no effect in this run (--pgsafe or PGSAFE=1 turns it on)"]

    def _elsewhere(self) -> Iterator[str]:
        """Yield the options that stand in addopts, in the configuration or in PYTEST_ADDOPTS."""
        for name, value in vars(self._config.option).items():
            if name.startswith("pgsafe_") and value:
                yield "--" + name.replace("_", "-")


def _options(arguments: Sequence[str], folder: Path) -> Iterator[str]:
    for at, word in enumerate(map(str, arguments)):
        if word == "--":
            return
        if word.startswith(_PREFIX):
            yield word.partition("=")[0]
        elif word.startswith("@") and not (at and arguments[at - 1].startswith("-")):
            # From 8.2 on pytest reads arguments from such a file, one a line.
            path = folder / word[1:]
            if path.is_file():
                yield from _options(path.read_text(encoding="utf-8", errors="replace").splitlines(), folder)


def _variables(environment: Mapping[str, str]) -> list[str]:
    given = [name for name in _VARIABLES if environment.get(name)]
    return given + [name for name in _FLAGS if environment.get(name, "").strip().lower() not in _NO]
