"""Repositories of pgBackRest and Barman, where a command takes one in the place of a backup."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress
from .proofs import answer, reached

if TYPE_CHECKING:
    from ..config.values import Engine
    from ..pitr.target import Target


def is_one(word: str) -> bool:
    """Tell whether an argument names a repository."""
    from ..config.engines import kind_of

    return kind_of(word) is not None


def verify(word: str, *, max_age: timedelta | None, config: str | None, as_json: bool) -> int:
    """Prove a repository, and say so."""
    from ..runbook.repository import verify as prove

    settings = options.settings(config=config, source=word)
    assert settings.source is not None
    assert settings.source.engine is not None
    if max_age is None and settings.max_age is not None:
        max_age = timedelta(seconds=settings.max_age)
    found = prove(settings.source.engine, jobs=settings.source.jobs, max_age=max_age, progress=progress)
    return give("verify", answer(found), as_json=as_json)


def recover(
    word: str,
    target: Target,
    *,
    query: str | None,
    dbname: str,
    wait: float,
    as_json: bool,
) -> int:
    """Rehearse a recovery of a repository, and say what was reached."""
    from ..pitr.engines.recover import find
    from ..pitr.engines.recover import recover as recover_repository
    from ..server.connection import connect

    found = find(_engine(word), target)
    progress(f"recovery of {found} to {target}")
    rows: list[tuple[Any, ...]] = []
    with recover_repository(found, wait=wait) as (server, restored):
        if query is not None:
            with connect(server.address(dbname)) as session:
                rows = session.execute(query.encode()).fetchall()
    recovered = restored.recovered
    lines = ["\t".join("" if value is None else str(value) for value in row) for row in rows]
    data = {
        "target": str(target),
        "source": restored.source,
        "base": restored.label,
        "stopped": recovered.stopped,
        "last_transaction": None if recovered.last_transaction is None else recovered.last_transaction.isoformat(),
        "position": str(recovered.position),
        "timeline": recovered.timeline,
        "seconds": round(recovered.seconds, 3),
        "rto_seconds": round(recovered.seconds, 3),
        "rows": [[None if value is None else str(value) for value in row] for row in rows],
    }
    return give("pitr recover", Answer(passed=True, lines=[*lines, *reached(recovered)], data=data), as_json=as_json)


def _engine(word: str) -> Engine:
    """Return what an argument names.

    :raises ConfigError: it names no repository.
    """
    from ..config import forms

    engine = forms.source([word], base=Path.cwd(), origin="the argument").engine if is_one(word) else None
    if engine is None:
        raise ConfigError(
            "the argument is no repository", remedies=["write 'pgbackrest:stanza=main' or 'barman:server=main'"]
        )
    return engine
