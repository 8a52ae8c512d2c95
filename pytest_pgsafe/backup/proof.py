"""What the last verification of a backup found, kept beside its manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ..catalog import codec
from ..errors import BackupError
from . import manifest

FORMAT = "pgsafe-proof/1"
Result = Literal["passed", "failed", "skipped"]
#: Without each of these nothing is proven. Hash and decoding alone never are.
NEEDED = ("checksums", "decode", "restore", "counts", "content", "structure", "orphans")
#: Says nothing of what is in the backup.
AGE = "age"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One check of a verification."""

    name: str
    result: Result
    #: What was found, or why nothing was looked at.
    said: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Proof:
    format: str
    #: SHA-256 of the manifest that was verified: a proof of another manifest proves nothing.
    manifest: str
    #: In UTC.
    verified_at: datetime
    proven: bool
    #: Of the ephemeral server; empty where none was reached.
    server_version: str
    #: How long the restore took, in seconds; None where there was none.
    restore_seconds: float | None
    outcomes: tuple[Outcome, ...]
    #: What was not compared, each in one line.
    not_verified: tuple[str, ...] = ()


def proves(outcomes: tuple[Outcome, ...]) -> bool:
    """Tell whether outcomes prove a backup: nothing failed, and nothing that is needed was left out.

    One that is older than somebody wished is proven all the same: else retention would take it for a bad one.
    """
    passed = {outcome.name for outcome in outcomes if outcome.result == "passed"}
    failed = {outcome.name for outcome in outcomes if outcome.result == "failed"}
    return failed <= {AGE} and passed.issuperset(NEEDED)


def write(folder: Path, proof: Proof) -> None:
    """Keep a proof; the one before it is replaced at once.

    :raises BackupError: it cannot be written.
    """
    partial = folder.with_name(f".{folder.name}.proof-{os.getpid()}")
    try:
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(codec.dumps(proof))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / manifest.PROOF)
    except OSError as error:
        raise BackupError(
            "the outcome of the verification cannot be kept beside the backup",
            looked_at=[f"{folder / manifest.PROOF}: {error.strerror}"],
            remedies=["verify as the user who owns the backup", "say --no-record to verify without keeping the proof"],
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read(folder: Path) -> Proof | None:
    """Return the proof of the manifest as it is now; None if there is none of it."""
    try:
        proof = codec.loads(Proof, (folder / manifest.PROOF).read_bytes())
        same = proof.manifest == manifest.sha256(folder / manifest.MANIFEST)
    except (OSError, ValueError):
        return None
    return proof if same and proof.format == FORMAT else None
