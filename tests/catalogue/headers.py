"""What a file of the catalogue says of itself, and the database that it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.bench import Bench

HERE = Path(__file__).parent


def header(file: Path) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"-- ([a-z ]+): (.*)", line)
        if not match:
            break
        said.setdefault(match[1], []).append(match[2])
    return said


@contextmanager
def asked_for(shop: Bench, file: Path) -> Iterator[Bench]:
    """Yield the shop as a file's header needs it; skip where its syntax is newer than the server."""
    said = header(file)
    for since in said.get("since", []):
        if shop.server.version.major < int(since):
            pytest.skip(f"its syntax is new in PostgreSQL {since}")
    if said.get("role") == ["superuser"]:
        shop = replace(shop, role=shop.server.address().parameters["user"])
    with shop.prepared([HERE / name for name in said.get("needs", [])]) as bench:
        yield bench
