"""What GitHub shows beside the lines of a pull request: its workflow commands. Rows are shown by their keys alone."""

from __future__ import annotations

from ..checks.values import Finding, Severity
from ..reading.values import Place
from ..rehearsal.values import Result
from ..visible import visible
from .located import place
from .overview import overview
from .redact import keys_only
from .terminal import finding_lines, headline

#: GitHub shows ten errors and ten warnings of a step.
_MOST = 10
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def commands(result: Result) -> list[str]:
    """Return workflow commands: steps that failed, errors by their causes, warnings; notes are in the summary."""
    result = keys_only(result)
    summary = overview(result)
    lines = [_command("error", f"step {step.name} failed", step.reason or "", None, None) for step in summary.stopped]
    if result.interrupted is not None:
        lines.append(_command("error", headline(summary), result.interrupted, None, None))
    errors = [one.finding for cause in summary.causes for one in cause.entries]
    told = (*errors[:_MOST], *summary.warnings[:_MOST])
    return [*lines, *(_finding(finding, place(result, finding)) for finding in told)]


def _finding(finding: Finding, where: Place | None) -> str:
    first, *rest = finding_lines(finding)
    return _command(
        _WORDS[finding.severity],
        f"{finding.code} {finding.object}",
        "\n".join([first.partition(": ")[2], *rest]),
        None if where is None else where.file,
        None if where is None else where.line or 1,
    )


def _command(word: str, title: str, text: str, file: str | None, line: int | None) -> str:
    place = {} if file is None else {"file": file, **({} if line is None else {"line": str(line)})}
    properties = ",".join(f"{name}={_property(value)}" for name, value in {**place, "title": title}.items())
    return f"::{word} {properties}::{_data(text)}"


def _data(text: str) -> str:
    # What stands in a name or a statement ends no command and begins none.
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
