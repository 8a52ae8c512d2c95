"""What shows that an entry is as it was written: its hash, and with a key its signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..errors import ConfigError
from .values import FORMAT, Entry

KEY, KEY_FILE = "PGSAFE_RECEIPT_KEY", "PGSAFE_RECEIPT_KEY_FILE"
#: A key that can be guessed proves nothing.
_SHORTEST = 16
_SIGNED = "hmac-sha256:"
_ENTRY = TypeAdapter(tuple[Entry], config=ConfigDict(strict=True, extra="forbid"))


def key(environment: Mapping[str, str]) -> bytes | None:
    """Return the key that entries are signed with; None where none is given.

    :raises ConfigError: it is given twice, too short, or in a file that cannot be read.
    """
    text, file = environment.get(KEY), environment.get(KEY_FILE)
    if not text and not file:
        return None
    if text and file:
        raise ConfigError(f"{KEY} and {KEY_FILE} are both set", remedies=["keep one of them"])
    origin = KEY if text else KEY_FILE
    try:
        found = (text or "").encode() if text else Path(file or "").expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"{KEY_FILE}: the key cannot be read", looked_at=[f"{file}: {error.strerror}"]) from None
    if len(found.strip()) < _SHORTEST:
        raise ConfigError(
            f"{origin}: the key is shorter than {_SHORTEST} characters", remedies=["openssl rand -hex 32 makes one"]
        )
    return found.strip()


def sealed(entry: Entry, key: bytes | None) -> Entry:
    """Return an entry with its hash, and with its signature where there is a key."""
    found = _hash(entry)
    return replace(entry, hash=found, signature=None if key is None else signature(found, key))


def signature(text: str, key: bytes) -> str:
    """Return the signature of a text."""
    return _SIGNED + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def fault(entry: Entry, key: bytes | None) -> str | None:
    """Return why an entry is not to be trusted; None if nothing speaks against it.

    :param key: what it has to be signed with; without one nobody looks at its signature.
    """
    if entry.format != FORMAT:
        return f"it has the format {entry.format!r}, and this release of pgsafe knows {FORMAT} alone"
    if not hmac.compare_digest(entry.hash.encode(), _hash(entry).encode()):
        return "it was altered: its hash is not that of its content"
    if key is None:
        return None
    if entry.signature is None:
        return f"it is not signed, and {KEY} is set"
    if not hmac.compare_digest(entry.signature.encode(), signature(entry.hash, key).encode()):
        return "its signature is not by this key: it was altered, or signed by somebody else"
    return None


def dumps(entry: Entry, *, indent: int | None = None) -> str:
    """Return an entry as JSON, without an end of line."""
    return json.dumps(asdict(entry), indent=indent, allow_nan=False)


def loads(text: bytes) -> Entry:
    """Read an entry; whether it is as it was written, :func:`fault` tells.

    :raises ValueError: it is none.
    """
    try:
        content: Any = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    told = content.get("format") if isinstance(content, dict) else None  # pyright: ignore
    if isinstance(told, str) and told != FORMAT:
        # Of another release: what else it holds, nobody here knows.
        return Entry(format=told, kind="rehearsal", time="", result="error", pgsafe="")
    try:
        return _ENTRY.validate_json(b"[" + text + b"]")[0]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}") from None


def _hash(entry: Entry) -> str:
    content = {name: value for name, value in asdict(entry).items() if name not in {"hash", "signature"}}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
