"""``pgsafe propose``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress

if TYPE_CHECKING:
    from ..snapshot.values import Proposal


@click.command("propose")
@options.source
@click.option("--timeout", metavar="TIME", default="20s", show_default=True, help="Of each statement on the source.")
@options.config
@options.as_json
def command(*, source: str | None, timeout: str, config: str | None, as_json: bool) -> int:
    """Propose rules for denormalised columns: what the names and the data of a database show.

    Copies, counts, sums, smallest and greatest values, each with the share of rows that agree, ready for pgsafe.toml;
    what stands there already is left out. At most 10,000 rows of each table are looked at. The source is only read.
    """
    from ..catalog.read import read as read_catalog
    from ..config.forms import duration
    from ..copy.source import examine
    from ..rehearsal.rules import resolve_rules
    from ..server.connection import connect
    from ..snapshot.proposals import propose

    settings = options.settings(config=config, source=source)
    try:
        milliseconds = max(1, round(duration(timeout) * 1000))
    except ValueError as error:
        raise ConfigError(f"--timeout: {error}") from error
    if settings.source is None or settings.source.dsn is None:
        raise ConfigError(
            "rules are proposed for a database: name one",
            looked_at=["--source", "PGSAFE_SOURCE", "[source] dsn in pgsafe.toml"],
            remedies=["--source=postgresql://USER@HOST/DATABASE", "restore a backup first"],
        )
    address = examine(settings.source).address
    assert address is not None
    progress("catalog")
    with connect(address, lock_timeout="10s") as connection:
        catalog = read_catalog(connection)
        known = {rule.column for rule in resolve_rules(settings, catalog).denormalized}
        progress("columns")
        found, missing = propose(connection, catalog, timeout=f"{milliseconds}ms")
    new = [one for one in found if one.rule.column not in known]
    lines = [line for one in new for line in _toml(one)]
    lines += [f"# not looked at: {gap.object}: {gap.reason}" for gap in missing]
    standing = len(found) - len(new)
    lines.append(f"# {len(new)} proposed" + (f", {standing} more stand in the configuration" if standing else ""))
    data = {
        "proposals": [
            {**_keys(one), "rows": one.rows, "agreeing": one.agreeing, "sampled": one.sampled} for one in new
        ],
        "not_looked_at": [{"object": gap.object, "reason": gap.reason} for gap in missing],
    }
    return give("propose", Answer(passed=True, lines=lines, data=data), as_json=as_json)


def _keys(proposal: Proposal) -> dict[str, str]:
    rule = proposal.rule
    keys = {"column": rule.column, "source" if rule.kind == "copy" else rule.kind: rule.source}
    return keys if rule.via is None else {**keys, "via": rule.via}


def _toml(proposal: Proposal) -> list[str]:
    """Return a rule as it stands in pgsafe.toml, and above it what speaks for it."""
    looked = "of the rows looked at" if proposal.sampled else "rows"
    told = f"# {proposal.agreeing:,} of {proposal.rows:,} {looked} agree"
    told += "" if proposal.agreeing == proposal.rows else f" ({100 * proposal.share:.1f} %)"
    short = {key: value.removeprefix("public.") for key, value in _keys(proposal).items()}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in short.items()]
    return [told, "[[denormalized]]", *lines, ""]
