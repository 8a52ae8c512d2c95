"""The structured server log: jsonlog from 15, csvlog on 14 in the same shape."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ServerError

#: csvlog's columns by jsonlog's keys. connection_from is remote_host and remote_port in one.
COLUMNS = (
    "timestamp",
    "user",
    "dbname",
    "pid",
    "connection_from",
    "session_id",
    "line_num",
    "ps",
    "session_start",
    "vxid",
    "txid",
    "error_severity",
    "state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_position",
    "context",
    "statement",
    "cursor_position",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
)
NUMBERS = frozenset({"pid", "line_num", "txid", "internal_position", "cursor_position", "leader_pid", "query_id"})


def read(path: Path, since: int) -> tuple[Sequence[Mapping[str, object]], int]:
    """Return the complete records of a log file after a byte position, and the position after them.

    :param path: ``*.json`` or ``*.csv``; not there is empty.
    """
    try:
        with path.open("rb") as file:
            file.seek(since)
            content = file.read()
    except FileNotFoundError:
        return (), since
    return parse(content, csvlog=path.suffix == ".csv", since=since)


def parse(content: bytes, *, csvlog: bool, since: int) -> tuple[Sequence[Mapping[str, object]], int]:
    """Return the complete records of what was read from position ``since``, and the position after them.

    :raises ServerError: a record is torn, as the server leaves it where a disk is full.
    """
    try:
        if not csvlog:
            whole = content[: content.rfind(b"\n") + 1]
            return [_parsed(line) for line in whole.split(b"\n") if line], since + len(whole)
        whole = content[: _records_end(content)]
        text = io.StringIO(whole.decode("utf-8", "backslashreplace"), newline="")
        return [_record(row) for row in csv.reader(text)], since + len(whole)
    except (ValueError, csv.Error) as error:
        # Its text may hold values of rows.
        raise ServerError("the scratch server's log is torn: what was done there is not known") from error


def _parsed(line: bytes) -> Mapping[str, object]:
    # Statements in a database without encoding may hold any byte; it is shown escaped, as the sessions of pgsafe do.
    record: dict[str, object] = json.loads(line.decode("utf-8", "surrogateescape"))
    return {name: _shown(value) if isinstance(value, str) else value for name, value in record.items()}


def _shown(value: str) -> str:
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _records_end(content: bytes) -> int:
    """Return where the last complete CSV record ends: a line end outside of quotes; ``""`` within them is even."""
    end = position = quotes = 0
    for line in content.splitlines(keepends=True):
        position += len(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 and line.endswith(b"\n"):
            end = position
    return end


def _record(row: Sequence[str]) -> Mapping[str, object]:
    record: dict[str, object] = {
        name: int(value) if name in NUMBERS else value for name, value in zip(COLUMNS, row, strict=False) if value != ""
    }
    if record.get("state_code") == "00000":
        # As in jsonlog, which says it of what went wrong only.
        del record["state_code"]
    origin = record.pop("connection_from", None)
    if isinstance(origin, str):
        host, colon, port = origin.rpartition(":")
        record["remote_host"] = host if colon else origin
        if colon:
            record["remote_port"] = int(port)
    return record
