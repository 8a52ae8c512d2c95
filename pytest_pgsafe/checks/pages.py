"""The documentation's pages of checks, rendered from the checks and their examples.

``python -m pytest_pgsafe.checks.pages`` in the project's folder writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import EVERY
from .values import Check, Severity

EXAMPLES = Path("fixtures") / "checks"
PAGES = Path("docs") / "checks"
_FENCES = {".sql": "sql", ".toml": "toml", ".baseline": "text", ".sh": "sh"}
_UNSAFE = {
    Severity.ERROR: "This fails:",
    Severity.WARNING: "This is warned of:",
    Severity.NOTE: "This is noted:",
}


def folder(check: Check) -> str:
    """Return the name of the folder of a check's examples."""
    return f"{check.code}-{check.name}"


def render(examples: Path) -> Mapping[str, str]:
    """Return the text of each page by its file's name.

    :param examples: the folder ``fixtures/checks``.
    :raises OSError: a check has no examples.
    """
    pages = {f"{check.code}.md": page(check, examples / folder(check)) for check in EVERY}
    return {"index.md": index(), **pages}


def page(check: Check, examples: Path) -> str:
    """Return the page of one check."""
    parts = [
        f"# {check.code} {check.name}",
        f"Reported by `pgsafe.toml::{check.check}`; {_article(check.severity)} by default.",
        check.condition,
        f"**What happens.** {check.effect}",
        f"**What to do.** {check.remedy}",
        "## Example",
    ]
    if (examples / "pgsafe.toml").exists():
        parts += ["With this configuration:", _block(examples / "pgsafe.toml")]
    if (examples / "queries.sql").exists():
        parts += ["and this file `queries.sql`:", _block(examples / "queries.sql")]
    if (examples / "pgsafe.baseline").exists():
        parts += ["and this `pgsafe.baseline`:", _block(examples / "pgsafe.baseline")]
    if (examples / "unsafe.sh").exists():
        # What is done to base backups and WAL, not to a database.
        parts += ["This fails:", _block(examples / "unsafe.sh"), "This is fine:", _block(examples / "safe.sh")]
        return "\n\n".join(parts) + "\n"
    if check.check == "restore":
        parts.append("What is done to the source, before any migration:")
    parts += [_UNSAFE[check.severity], _block(examples / "unsafe.sql")]
    if (examples / "unsafe.down.sql").exists():
        parts += ["with this way back:", _block(examples / "unsafe.down.sql")]
    parts += ["This is not:" if check.severity is Severity.NOTE else "This is fine:", _block(examples / "safe.sql")]
    if (examples / "safe.down.sql").exists():
        parts += ["with this way back:", _block(examples / "safe.down.sql")]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """Return the page that lists the checks."""
    lines = [
        "# Checks",
        "",
        "Rendered from `pytest_pgsafe/checks` and `fixtures/checks` by `python -m pytest_pgsafe.checks.pages`. The",
        "examples run on `fixtures/checks/base.sql`. Only a worsening is an error: what was already wrong before the",
        "migration is a warning. Under `strict`, notes of changed behaviour and what was not verified are errors.",
        "",
        "| code | name | item | by default |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| [{check.code}]({check.code}.md) | {check.name} | {check.check} | {check.severity.value} |"
        for check in EVERY
    ]
    return "\n".join(lines) + "\n"


def _article(severity: Severity) -> str:
    return f"an {severity.value}" if severity is Severity.ERROR else f"a {severity.value}"


def _block(path: Path) -> str:
    return f"```{_FENCES[path.suffix]}\n{path.read_text(encoding='utf-8').strip()}\n```"


def main() -> None:
    """Write the pages below the current folder, and remove those of checks that are gone."""
    PAGES.mkdir(parents=True, exist_ok=True)
    pages = render(EXAMPLES)
    for old in PAGES.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (PAGES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
