"""The baseline's file: ``pgsafe.baseline`` beside the configuration. Only ``--pgsafe-update`` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..checks import BY_CODE, effects
from ..checks.baseline import FILE_NAME, NO_REASON, Baseline, Section, parse, render
from ..checks.values import Finding
from ..config.values import Settings
from ..errors import ConfigError, StepError
from ..passwords import redact


def name(settings: Settings) -> str | None:
    """Return how the section of the migration is called; None without a migration.

    A file is called by its path below the configuration's folder, a command by its text.
    """
    way = settings.migration
    if way is None:
        return None
    if way.path is None:
        return " ".join(redact(way.command or "", printed=True).split())
    if way.path.is_relative_to(settings.folder):
        return way.path.relative_to(settings.folder).as_posix()
    return way.path.name


def section(settings: Settings) -> Section | None:
    """Return what is listed of the migration; None if there is no baseline, or nothing of the migration in it.

    :raises ConfigError: the file cannot be read.
    """
    migration = name(settings)
    return None if migration is None else _read(settings).section(migration)


def remark(settings: Settings) -> str | None:
    """Return what the head of a run says: which section is held against the migration, and which are idle."""
    migration, known = name(settings), _read(settings)
    if migration is None or not known.sections:
        return None
    here = known.section(migration)
    listed = f"[{migration}] lists {len(here.entries)} effects" if here is not None else f"no section [{migration}]"
    files = [one.migration for one in known.sections if one.migration.endswith(".sql")]
    gone = [one for one in files if one != migration and not (settings.folder / one).exists()]
    return f"{listed}; {', '.join(f'[{one}]' for one in gone)}: no such file" if gone else listed


def update(settings: Settings, findings: Iterable[Finding]) -> tuple[Section, str]:
    """Write what was found of the migration; return the section, and a line that says what was written.

    :param findings: as they are without a baseline.
    :raises StepError: the file cannot be written.
    """
    migration = name(settings)
    assert migration is not None
    try:
        known = _read(settings)
        text = render(known, effects.observed(findings, known.section(migration), migration, BY_CODE))
        path = _path(settings)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            partial = path.with_name(f"{FILE_NAME}.partial")
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(path)
    except (OSError, ConfigError) as error:
        raise StepError(f"{FILE_NAME} cannot be written: {error}") from error
    # As it is read the next time, with the numbers of its lines.
    written = _read(settings).section(migration)
    assert written is not None
    wanting = sum(line.endswith(f"# {NO_REASON}") for line in written.lines)
    count = len(written.entries)
    told = f"{FILE_NAME}: [{migration}] has {count} effect{'s' * (count != 1)}"
    told += f", {wanting} of which need{'s' * (wanting == 1)} a reason in place of “{NO_REASON}”" if wanting else ""
    return written, told


def _path(settings: Settings) -> Path:
    return settings.folder / FILE_NAME


def _read(settings: Settings) -> Baseline:
    path = _path(settings)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{FILE_NAME} cannot be read: {error}", looked_at=[str(path)]) from error
    return parse(text, effects.names(BY_CODE))
