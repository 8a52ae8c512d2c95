"""Repositories of pgBackRest and Barman, where a command takes one in the place of a backup."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress
from .proofs import answer, reached
from .recording import recording

if TYPE_CHECKING:
    from ..config.values import Engine
    from ..pitr.target import Target


def is_one(word: str) -> bool:
    """Tell whether an argument names a repository."""
    from ..config.engines import kind_of

    return kind_of(word) is not None


def verify(word: str, *, max_age: timedelta | None, config: str | None, as_json: bool) -> int:
    """Prove a repository, and say so."""
    from ..runbook.entries import of_engine
    from ..runbook.repository import verify as prove

    settings = options.settings(config=config, source=word)
    assert settings.source is not None
    assert settings.source.engine is not None
    if max_age is None and settings.max_age is not None:
        max_age = timedelta(seconds=settings.max_age)
    engine = settings.source.engine
    with recording("verification", place=word, repository=word) as evidence:
        proof = prove(engine, jobs=settings.source.jobs, max_age=max_age, progress=progress)
        found = answer(proof)
        evidence.add("verification", of_engine(word, engine.dbname, proof), passed=found.passed)
    return give("verify", evidence.told(found), as_json=as_json)


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
    from ..runbook.entries import of_recovery
    from ..server.connection import connect

    found = find(_engine(word), target)
    progress(f"recovery of {found} to {target}")
    rows: list[tuple[Any, ...]] = []
    with (
        recording("recovery", place=word, repository=word, target=str(target)) as evidence,
        recover_repository(found, wait=wait) as (server, restored),
    ):
        if query is not None:
            with connect(server.address(dbname)) as session:
                rows = session.execute(query.encode()).fetchall()
    recovered = restored.recovered
    evidence.add("recovery", of_recovery(word, recovered, None))
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
    told = Answer(passed=True, lines=[*lines, *reached(recovered)], data=data)
    return give("pitr recover", evidence.told(told), as_json=as_json)


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
