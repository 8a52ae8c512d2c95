"""What a proof and a recovery have shown, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import Answer

if TYPE_CHECKING:
    from ..backup.proof import Proof
    from ..pitr.recover import Recovered


def answer(proof: Proof) -> Answer:
    """Return what a verification found, each outcome in a line."""
    lines = [
        f"{outcome.name + ':':<11} {outcome.result}{': ' + outcome.said if outcome.said else ''}"
        for outcome in proof.outcomes
    ]
    lines += [f"not verified: {gap}" for gap in proof.not_verified]
    if proof.restore_seconds is not None:
        lines.append(f"restored into PostgreSQL {proof.server_version} in {proof.restore_seconds:.1f} s")
    lines.append(f"PROVEN: {'YES' if proof.proven else 'NO'}")
    data = {
        "proven": proof.proven,
        "outcomes": [
            {"name": one.name, "result": one.result, "said": one.said, "seconds": one.seconds} for one in proof.outcomes
        ],
        "not_verified": list(proof.not_verified),
        "server_version": proof.server_version,
        "restore_seconds": proof.restore_seconds,
    }
    passed = proof.proven and all(one.result != "failed" for one in proof.outcomes)
    return Answer(passed=passed, lines=lines, data=data)


def reached(recovered: Recovered) -> list[str]:
    """Return what a recovery reached, in lines for people."""
    last = recovered.last_transaction
    where = f"from {recovered.base.name} on timeline {recovered.timeline}"
    return [
        f"reached: {recovered.target}" + (f", {recovered.stopped}" if recovered.stopped else ""),
        f"last transaction: {'none after the base backup' if last is None else last.isoformat()}",
        *(f"note: {note}" for note in recovered.notes),
        f"{where}, replayed to {recovered.position}, in {recovered.seconds:.1f} s",
    ]
