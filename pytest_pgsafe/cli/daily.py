"""``pgsafe daily``."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import defaults, options
from .answer import Answer, give, progress
from .recording import Recording, recording

if TYPE_CHECKING:
    from ..runbook.daily import Day


@click.command("daily")
@click.argument("root", type=options.folder, required=False)
@click.option(
    "--max-age", metavar="AGE", callback=options.age, default="24h", show_default=True, help="An older backup fails."
)
@click.option("--log", type=options.folder, metavar="FILE", help="Add what was found to this file.")
@click.option("--alert", multiple=True, metavar="URL", help="Who is told when something failed; repeatable.")
@click.option("--ping", multiple=True, metavar="URL", help="Who is told when all is well; repeatable.")
@options.scratch
@options.config
@options.as_json
def command(
    *, root: Path | None, max_age: timedelta, log: Path | None, alert: tuple[str, ...], ping: tuple[str, ...],
    server: str | None, image: str | None, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Verify the latest backup of each database under ROOT, for cron and systemd.

    Alerts go as a JSON POST to http(s)://, and to mail or chat by the addresses of apprise. Addresses that hold a
    secret stand in PGSAFE_ALERT and PGSAFE_PING, with blanks between them; everybody named there, in an option or in
    [alerts] is told. An alert that is refused is a failure.

    With [source] and the age that [server] cache allows, the base for rehearsals of that source is built as well.
    """
    from ..runbook.daily import daily
    from ..runbook.verify import Scratch

    settings = options.settings(config=config, server=server, image=image)
    bases: list[str] = []

    def build() -> tuple[str, ...]:
        from ..rehearsal.building import built

        base, failures = built(settings)
        bases.extend(() if base is None else [base.folder.name])
        return tuple(f"the base for rehearsals was not built: {text}" for text in failures)

    where = options.root_of(root)
    with recording("daily", place=str(where)) as evidence:
        day = daily(
            where,
            Scratch(
                use=settings.server.use,
                image=settings.server.image,
                preload=settings.server.preload,
                superuser=settings.server.superuser,
            ),
            max_age=max_age,
            log=None if log is None else log.expanduser().absolute(),
            alert=_addresses(alert, "--alert", "PGSAFE_ALERT", "to"),
            ping=_addresses(ping, "--ping", "PGSAFE_PING", "ping"),
            progress=progress,
            # Somebody said how old what a base holds may be.
            further=build if settings.source is not None and settings.server.cache_age is not None else None,
        )
        _record(evidence, where, day)
    lines: list[str] = []
    for one in day.checked:
        lines += [f"{one.folder}: {'proven' if one.proven else 'NOT PROVEN'}", *(f"  {text}" for text in one.failures)]
    lines += [f"base {name}: built" for name in bases]
    lines += [f"failed: {text}" for text in day.failures]
    lines.append("ALL BACKUPS PROVEN" if day.passed else "NOT ALL IS WELL")
    data = {
        "backups": [
            {"folder": str(one.folder), "database": one.database, "proven": one.proven, "failures": list(one.failures)}
            for one in day.checked
        ],
        "failures": list(day.failures),
        "bases": bases,
    }
    answer = evidence.told(Answer(passed=day.passed, lines=lines, data=data))
    return give("daily", answer, as_json=as_json)


def _record(evidence: Recording, root: Path, day: Day) -> None:
    """Write an entry for each backup that was verified, and one for the day."""
    from ..backup import store
    from ..runbook.entries import of_verification

    for one in day.checked:
        found = store.look(one.folder)
        if found.proof is None:
            facts = {"place": str(one.folder), "database": one.database, "failures": list(one.failures)}
        else:
            facts = of_verification(str(one.folder), found.manifest, found.proof)
        evidence.add("verification", facts, passed=one.proven and not one.failures)
    of_day = {"place": str(root), "backups": len(day.checked), "failures": list(day.failures)}
    evidence.add("daily", of_day, passed=day.passed)


def _addresses(given: tuple[str, ...], option: str, variable: str, key: str) -> tuple[str, ...]:
    """Return everybody who is told: one that is left out for another one would not notice.

    :raises ConfigError: an argument or the file holds a secret.
    """
    from ..runbook import alerts

    listed: list[str] = defaults.given()["alerts"].get(key, [])
    for origin, urls in ((option, given), (f"[alerts] {key}", listed)):
        for url in urls:
            alerts.refuse_secret(url, origin, variable)
    return tuple(dict.fromkeys((*given, *os.environ.get(variable, "").split(), *listed)))
