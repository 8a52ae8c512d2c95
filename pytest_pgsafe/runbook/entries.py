"""What the entries of the runbook's commands say (pure): from manifests, proofs and what was restored."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ..backup.manifest import Manifest
from ..backup.proof import Proof
from .prune import Pruned
from .restore import Restored


def of_backup(place: str, manifest: Manifest, digest: str) -> dict[str, Any]:
    """Return what the entry of a backup says.

    :param place: where it is, as its folder or its address.
    :param digest: SHA-256 of its manifest, which holds those of its files.
    """
    return {
        "place": place,
        "environment": manifest.environment,
        "database": manifest.database,
        "source": manifest.source,
        "taken": written(manifest.taken_at),
        "server_version": manifest.server_version,
        "pg_dump_version": manifest.pg_dump_version,
        "manifest": digest,
        "files": len(manifest.files),
        "bytes": sum(file.bytes for file in manifest.files),
        "left_out": len(manifest.left_out),
    }


def of_verification(place: str, manifest: Manifest | None, proof: Proof) -> dict[str, Any]:
    """Return what the entry of a verification says.

    :param manifest: None of a dump that has none.
    """
    of = {} if manifest is None else of_backup(place, manifest, proof.manifest)
    wanted = ("environment", "database", "taken", "manifest")
    return {
        "place": place,
        **{name: of[name] for name in wanted if name in of},
        "proven": proof.proven,
        "outcomes": {one.name: one.result for one in proof.outcomes},
        "restore_seconds": proof.restore_seconds,
        "server_version": proof.server_version,
        "not_verified": len(proof.not_verified),
    }


def of_restore(place: str, restored: Restored, seconds: float) -> dict[str, Any]:
    """Return what the entry of a restore says.

    :param seconds: how long it took from the first to the last step: the recovery time.
    """
    return {
        "place": place,
        "database": restored.database,
        "rto_seconds": seconds,
        "steps": [{"name": name, "seconds": spent} for name, spent in restored.steps],
        "relations": restored.relations,
        "rows": restored.rows,
        "compared": restored.compared.removeprefix(", "),
        "notes": len(restored.notes),
    }


def of_prune(root: str, pruned: Pruned) -> dict[str, Any]:
    """Return what the entry of a removal says."""
    return {"place": root, "kept": len(pruned.kept), "removed": [str(folder) for folder in pruned.removed]}


def written(moment: datetime) -> str:
    """Return a moment as entries tell it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
