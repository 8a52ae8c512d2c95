"""What the entries of the runbook's commands say (pure): from manifests, proofs and what was restored."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..backup.manifest import Manifest
    from ..backup.proof import Proof
    from ..pitr.reached import Recovered
    from ..storage.index import Stored
    from .monthly import Month
    from .prune import Pruned
    from .rescue.values import Rescue
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


def _of(place: str, manifest: Manifest, digest: str) -> dict[str, Any]:
    """Return which backup is meant."""
    of = of_backup(place, manifest, digest)
    return {name: of[name] for name in ("place", "environment", "database", "taken", "manifest")}


def of_verification(place: str, manifest: Manifest | None, proof: Proof) -> dict[str, Any]:
    """Return what the entry of a verification says.

    :param manifest: None of a dump that has none.
    """
    return {
        **({"place": place} if manifest is None else _of(place, manifest, proof.manifest)),
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


def of_engine(place: str, database: str | None, proof: Proof) -> dict[str, Any]:
    """Return what the entry of a verification of another engine's repository says."""
    of = {} if database is None else {"database": database}
    return {**of_verification(place, None, proof), **of, "repository": place}


def of_push(place: str, manifest: Manifest, digest: str, url: str, stored: Stored) -> dict[str, Any]:
    """Return what the entry of an upload says.

    :param url: where the backup is in the store.
    """
    return {
        **_of(place, manifest, digest),
        "url": url,
        "objects": len(stored.entries),
        "stored_bytes": sum(entry.stored_bytes for entry in stored.entries),
        "encryption": stored.encryption,
    }


def of_pull(place: str, manifest: Manifest, digest: str, url: str) -> dict[str, Any]:
    """Return what the entry of a download says."""
    return {**_of(place, manifest, digest), "url": url}


def of_archive(root: str, month: str, done: Month) -> dict[str, Any]:
    """Return what the entry of a month's archive says."""
    return {
        "place": root,
        "month": month,
        "archived": [
            {
                "file": str(one.packed.file),
                "backup": str(one.backup),
                "sha256": one.packed.sha256,
                "new": one.packed.new,
            }
            for one in done.archived
        ],
        "failures": list(done.failures),
    }


def of_recovery(place: str, recovered: Recovered, rpo: float | None) -> dict[str, Any]:
    """Return what the entry of a rehearsed recovery says.

    :param place: the archive, or the repository.
    :param rpo: seconds that are missing at most at the end of the archive; None of another target.
    """
    last = recovered.last_transaction
    return {
        "place": place,
        "repository": place,
        "target": str(recovered.target),
        "base": recovered.base.name,
        "last_transaction": None if last is None else written(last),
        "position": str(recovered.position),
        "timeline": recovered.timeline,
        "rto_seconds": round(recovered.seconds, 3),
        "rpo_seconds": None if rpo is None else round(rpo, 3),
    }


def of_rescue(place: str, done: Rescue) -> dict[str, Any]:
    """Return what the entry of rows and tables that were put back says.

    :param place: the archive.
    """
    return {
        "place": place,
        "database": done.database,
        "transaction": done.xid,
        "did": list(done.did),
        "tables": [one.table for one in done.tables],
        "rows": done.rows,
        "left_out": done.left_out,
        "orphans": sum(done.foreign_keys.values()),
        "rto_seconds": round(sum(seconds for _, seconds in done.steps), 3),
    }


def of_prune(root: str, pruned: Pruned) -> dict[str, Any]:
    """Return what the entry of a removal says."""
    return {"place": root, "kept": len(pruned.kept), "removed": [str(folder) for folder in pruned.removed]}


def written(moment: datetime) -> str:
    """Return a moment as entries tell it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
