"""Readers of SQL and of what programs print take time in proportion to the text, whatever stands in it."""

from __future__ import annotations

import subprocess
import sys

#: Seconds for all of them together; a quadratic reader takes longer for one.
DEADLINE = 300
TEXTS = r"""
    # Dollar tags that are never closed, and some that are.
    ''.join(f"$a{i}$ " for i in range(40_000)),
    "$a" * 33_000,
    ''.join(f"$a{i}$ $b$ $a{i}$ " for i in range(10_000)),
    # Rows without an end; slices of arrays beside psql's commands.
    "copy t from stdin;\nx\n" * 15_000,
    "select " + "a[1:b]," * 33_000,
    "\\set x y\nselect a[1:x], " * 20_000,
    # Brackets, quotes and comments that are never closed.
    "(" * 33_000,
    "[" * 33_000,
    "'" * 70_001,
    "/*" * 33_000,
    "/* */ " * 33_000,
    '"' * 70_001,
    "e'\\' " * 33_000,
    "begin atomic case " * 10_000,
    ";" * 33_000,
    # What looks like an address, or like the place of a password.
    "a." * 100_000 + "://",
    "x.y://u:p" * 20_000,
    "x.y://u:p " * 20_000,
    "password " * 20_000,
    "password='" * 20_000,
    "password" + " " * 166_000,
    "--a-" * 33_000,
    "-pass" * 33_000,
    # What looks like a server's message.
    "ERROR:  x\n" * 20_000,
    "Key (" * 33_000,
    "(a)=(" * 33_000,
    "Failing row contains (x\n" * 10_000,
    "invalid input syntax for " * 10_000,
    'value "x ' * 20_000,
    "pid 1: " * 20_000,
    "x:  " * 33_000,
"""
READERS = """
import sys
from pytest_pgsafe.reading.script import parts, statements
from pytest_pgsafe.passwords import redact
from pytest_pgsafe.reading.files import of_text
from pytest_pgsafe.reading.masked import masked
from pytest_pgsafe.report.discreet import discreet
from pytest_pgsafe.visible import indented, visible
for text in eval(sys.argv[1]):
    for read in (
        lambda: sum(1 for _ in parts(text, psql=True)), lambda: sum(1 for _ in parts(text)), lambda: masked(text),
        lambda: redact(text), lambda: redact(text, "geheim", printed=True), lambda: discreet(text),
        lambda: discreet("  looked at: " + text), lambda: visible(text), lambda: indented(text),
        lambda: sum(1 for _ in of_text(text, "f.sql")),
    ):
        read()
"""


def test_no_text_is_read_for_ever() -> None:
    subprocess.run([sys.executable, "-c", READERS, f"[{TEXTS}]"], check=True, timeout=DEADLINE)
