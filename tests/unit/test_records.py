"""The evidence: a chain in which an entry that was altered, removed, moved, put in or cut off shows."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.records import chain, seal
from pytest_pgsafe.records.values import NOTHING, Entry

KEY = b"0123456789abcdef"


def entry(number: int) -> Entry:
    return Entry(
        kind="backup", time=f"2026-01-0{number}T00:00:00Z", result="passed", pgsafe="1", facts={"number": number}
    )


def written(root: Path, number: int = 4, key: bytes | None = None) -> list[bytes]:
    for one in range(1, number + 1):
        chain.append(root, entry(one), key)
    return (root / chain.FILE).read_bytes().splitlines()


def put(root: Path, lines: list[bytes]) -> None:
    (root / chain.FILE).write_bytes(b"".join(line + b"\n" for line in lines))


def altered(line: bytes) -> bytes:
    """Return an entry with another content and the hash that belongs to it."""
    content = json.loads(line)
    content["facts"] = {"number": 7}
    return seal.dumps(seal.sealed(seal.loads(json.dumps(content).encode()), None)).encode()


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path)
    found = chain.read(tmp_path, None)
    assert [one.facts for one in found.entries] == [{"number": number} for number in range(1, 5)]
    assert (found.faults, found.notes) == ((), ())
    assert found.entries[0].previous == NOTHING


HARMS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "altered": (
        lambda lines: [lines[0], lines[1].replace(b'"passed"', b'"failed"'), *lines[2:]],
        "line 2: it was altered: its hash is not that of its content",
    ),
    "altered and sealed anew": (
        lambda lines: [lines[0], altered(lines[1]), *lines[2:]],
        "line 3: it does not follow the line before it",
    ),
    "the last one altered and sealed anew": (
        lambda lines: [*lines[:3], altered(lines[3])],
        "line 4 is not what it was when it was the last",
    ),
    "removed": (lambda lines: [lines[0], *lines[2:]], "line 2: it does not follow the line before it"),
    "the first removed": (lambda lines: lines[1:], "line 1: it is not the first that was written"),
    "moved": (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2: it does not follow the line before it"),
    "twice": (lambda lines: [*lines, lines[3]], "line 5: it does not follow the line before it"),
    "put in": (lambda lines: [lines[0], b"{}", *lines[1:]], "line 2: it is no entry"),
    "cut off": (lambda lines: lines[:3], "at least 1 of 4 lines are missing: entries were cut off the end"),
    "all cut off": (lambda lines: [], "at least 4 of 4 lines are missing: entries were cut off the end"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_harm_shows_and_goes_on_to_show(tmp_path: Path, harm: str) -> None:
    lines = written(tmp_path)
    change, said = HARMS[harm]
    put(tmp_path, change(lines))
    assert any(fault.startswith(said) for fault in chain.read(tmp_path, None).faults), chain.read(tmp_path, None).faults
    # What is added later does not hide it.
    chain.append(tmp_path, entry(5), None)
    found = chain.read(tmp_path, None)
    assert found.entries[-1].facts == {"number": 5}
    assert found.faults


def test_the_file_beside_it_cannot_be_done_without(tmp_path: Path) -> None:
    lines = written(tmp_path)
    (tmp_path / chain.HEAD).unlink()
    put(tmp_path, lines[:2])
    [fault] = chain.read(tmp_path, None).faults
    assert fault.startswith("evidence.head.json cannot be read")
    chain.append(tmp_path, entry(5), None)
    assert chain.read(tmp_path, None).faults


@pytest.mark.parametrize("length", [1, 40, -1])
def test_a_line_that_was_not_written_to_its_end_is_told_and_harms_no_other(tmp_path: Path, length: int) -> None:
    lines = written(tmp_path, 3)
    chain.append(tmp_path, entry(4), None)
    # As kill -9 may leave it: the other file is written afterwards.
    head = json.dumps({"lines": 3, "hash": chain._digest(lines[2]), "signature": None})
    (tmp_path / chain.HEAD).write_text(head)
    file = tmp_path / chain.FILE
    torn = file.read_bytes().splitlines()[3][:length]
    file.write_bytes(b"".join(line + b"\n" for line in lines) + torn)
    for number in (3, 4):
        found = chain.read(tmp_path, None)
        assert [one.facts["number"] for one in found.entries] == [1, 2, 3, 5][:number]
        assert (found.faults, found.notes) == ((), ("line 4: a writer was ended in the middle of it",))
        if number == 3:
            chain.append(tmp_path, entry(5), None)
    # It cannot be altered later either.
    file.write_bytes(file.read_bytes().replace(torn + b"\n", torn + b" \n", 1))
    assert chain.read(tmp_path, None).faults


def test_a_line_that_lacks_only_its_end_is_an_entry(tmp_path: Path) -> None:
    lines = written(tmp_path, 2)
    (tmp_path / chain.FILE).write_bytes(b"\n".join(lines))
    assert len(chain.read(tmp_path, None).entries) == 2
    chain.append(tmp_path, entry(3), None)
    found = chain.read(tmp_path, None)
    assert [one.facts["number"] for one in found.entries] == [1, 2, 3]
    assert (found.faults, found.notes) == ((), ())


def test_with_a_key_each_entry_and_their_number_are_signed(tmp_path: Path) -> None:
    lines = written(tmp_path, key=KEY)
    assert chain.read(tmp_path, KEY).faults == ()
    assert chain.read(tmp_path, b"another key of 32").faults
    [note] = chain.read(tmp_path, None).notes
    assert "their signatures were not looked at" in note
    # Who can write both files, and has no key, makes what has no fault but the signatures.
    put(tmp_path, lines[:3])
    head = {"lines": 3, "hash": chain._digest(lines[2]), "signature": None}
    (tmp_path / chain.HEAD).write_text(json.dumps(head))
    assert chain.read(tmp_path, None).faults == ()
    [fault] = chain.read(tmp_path, KEY).faults
    assert "is not signed by this key" in fault


def _write(root: Path, writer: int, number: int) -> None:
    for one in range(number):
        facts = {"writer": writer, "number": one}
        chain.append(
            root, Entry(kind="restore", time="2026-01-01T00:00:00Z", result="passed", pgsafe="1", facts=facts), None
        )


def test_several_writers_at_once_leave_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, writer, 20)) for writer in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    found = chain.read(tmp_path, None)
    assert found.faults == ()
    assert len(found.entries) == 80
    assert {(one.facts["writer"], one.facts["number"]) for one in found.entries} == {
        (writer, number) for writer in range(4) for number in range(20)
    }


def test_a_writer_that_is_killed_leaves_the_lock_and_what_was_written(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write, args=(tmp_path, 0, 100_000))
    writer.start()
    while not (tmp_path / chain.FILE).exists() or len((tmp_path / chain.FILE).read_bytes()) < 5_000:
        assert writer.is_alive()
        time.sleep(0.01)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    chain.append(tmp_path, entry(1), None)
    found = chain.read(tmp_path, None)
    assert found.faults == ()
    assert [one.facts["number"] for one in found.entries[:-1]] == list(range(len(found.entries) - 1))


def test_a_root_that_cannot_be_written_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="the evidence cannot be written"):
        chain.ready(tmp_path / "file" / "below")
    with pytest.raises(ConfigError, match="there is no evidence that can be read"):
        chain.read(tmp_path, None)
