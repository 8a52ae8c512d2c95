"""``pgsafe upgrade-check``."""

from __future__ import annotations

from dataclasses import replace

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress


@click.command("upgrade-check")
@options.source
@click.option("--major", metavar="N", help="The next major of PostgreSQL: 18.")
@options.scratch
@options.config
@options.as_json
def command(
    *, source: str | None, major: str | None, server: str | None, image: str | None, config: str | None, as_json: bool
) -> int:
    """Say what the next major does otherwise: restore a database into it, and run pg_upgrade on a copy.

    Settings that are gone or have another default, extensions, the order of keys, what pg_upgrade refuses, and how long
    each way takes. The source is only read. No migration is run: pytest --pgsafe --pgsafe-major=N rehearses it there.
    """
    from ..rehearsal.run import rehearse
    from ..report.json import document
    from ..report.redact import redact
    from ..report.terminal import summary

    told = options.settings(config=config, source=source, server=server, image=image, major=major)
    if told.server.major is None:
        raise ConfigError(
            "no major is named",
            looked_at=["--major", "PGSAFE_MAJOR", "[server] major in pgsafe.toml"],
            remedies=["pgsafe upgrade-check --source=postgresql://HOST/DATABASE --major=18"],
        )
    settings = replace(told, migration=None, rollback=None, from_rev=None)
    found = rehearse(settings, progress)
    result = redact(found, samples=settings.report.samples, mask=settings.report.mask)
    answer = Answer(
        passed=result.verdict == "passed",
        lines=[line.text for line in summary(result, short=False)],
        data={"report": document(result)},
    )
    return give("upgrade-check", answer, as_json=as_json)
