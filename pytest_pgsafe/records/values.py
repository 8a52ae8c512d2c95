"""One thing that was done, as its entry says it: a receipt is the entry of a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

FORMAT = "pgsafe-evidence/1"
#: What stands in place of the hash of a line before, where there is none.
NOTHING = "0" * 64

Kind = Literal[
    "backup", "verification", "restore", "daily", "prune", "rehearsal", "push", "pull", "archive", "recovery", "rescue"
]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was done, when, and what came of it."""

    format: str = FORMAT
    kind: Kind
    #: When it ended, in UTC, as RFC 3339 has it.
    time: str
    result: Literal["passed", "failed", "error"]
    #: The release that wrote it.
    pgsafe: str
    #: What is known of it, as JSON's own types; which, depends on the kind.
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    #: SHA-256 of the line before it in a chain, in hexadecimal digits.
    previous: str = NOTHING
    #: SHA-256 of all of the above, in hexadecimal digits.
    hash: str = ""
    #: ``hmac-sha256:`` and the HMAC of the hash; None where there was no key.
    signature: str | None = None
