"""What pg_restore and psql say of a restore that failed: each error with its object, and what cures it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ERROR = re.compile(r"^(?:pg_restore|psql)(?::[^\n]*?:\d+)?: error: |: ERROR:  |^ERROR:  ")
_ENTRY = re.compile(r"^pg_restore: from TOC entry \d+; \d+ \d+ (.+)$")
_COMMAND = re.compile(r"^Command was: (.*)$")
_OF_PG_RESTORE = re.compile(r"^pg_restore: (?:error: )?(?:\[[^]]*\] )?(.*)$", re.MULTILINE)
#: What pg_restore tells with --verbose of what it does.
_DOING = re.compile(
    r"^pg_restore: (?:creating|processing|connecting|launching|finished|entering|executing|implied|reading|dropping|"
    r"skipping|restor|setting|disabling|enabling|started|table |transferring|reducing|warning: errors ignored)"
)
_SHOWN = 160


@dataclass(frozen=True)
class Complaint:
    """An error of a restore."""

    text: str
    #: The archive's entry that failed: ``TABLE orders app``.
    entry: str | None = None
    #: The statement's first line, without values.
    statement: str | None = None

    def __str__(self) -> str:
        of = "" if self.entry is None else f"{self.entry}: "
        was = "" if self.statement is None else f" [{self.statement}]"
        return f"{of}{self.text}{was}"


def of(stderr: str) -> tuple[Complaint, ...]:
    """Return the errors that a program printed, in order."""
    return tuple(_complaints(stderr.splitlines()))


def last(stderr: str) -> list[str]:
    """Return the last lines that a program printed, of which none is an error as errors are known."""
    return [line for line in stderr.splitlines() if line.strip() and not _DOING.match(line)][-10:]


def _complaints(lines: list[str]) -> Iterator[Complaint]:
    entry: str | None = None
    waiting: Complaint | None = None
    for line in lines:
        if found := _ENTRY.match(line):
            entry = found[1]
        elif waiting is not None and (command := _COMMAND.match(line)):
            yield Complaint(waiting.text, waiting.entry, _statement(command[1]))
            waiting = None
        elif _ERROR.search(line):
            if waiting is not None:
                yield waiting
            waiting = Complaint(line, entry)
    if waiting is not None:
        yield waiting


def _statement(text: str) -> str:
    # Rows written as INSERT hold values.
    text = re.split(r"\bVALUES\b", text, maxsplit=1)[0].strip()
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def remedies(text: str, *, rows_only: bool = False) -> list[str]:
    """Say what cures the errors that users meet most, each where its cause was seen.

    :param rows_only: the dump holds rows, and no table.
    """
    found = [*_lacking(text), *_missing(text, rows_only=rows_only)]
    if "backslash commands are restricted" in text:
        found.append("the dump holds a command of psql's, which no dump of pg_dump does: none is taken from it")
    own = "\n".join(_OF_PG_RESTORE.findall(text))
    if "unsupported version" in own:
        found.append("the archive was written by a newer pg_dump: use a server of that major")
    if re.search(
        r"could not read from input file|unexpected end of file|could not uncompress|could not decompress|"
        r"invalid (?:code|block|stored block|distance|literal)|incorrect (?:data|header) check|out of data",
        own,
    ):
        found.append("the archive is damaged or cut: fetch another copy, or take it again")
    if encoding := re.search(r'invalid byte sequence for encoding "(\S+)"', text):
        found.append(
            f"the text is not in {encoding[1]}, and no SET client_encoding in it says in what: "
            "iconv -f WINDOWS-1252 -t UTF-8 FILE > utf8.sql, with the encoding that it has"
        )
    if "No space left on device" in text:
        found.append("the server's disk is full: free space, or set TMPDIR to a larger one for a scratch server")
    if "max_locks_per_transaction" in text:
        found.append("the server has too little room for locks: ALTER SYSTEM SET max_locks_per_transaction = 1024")
    return found


def _lacking(text: str) -> Iterator[str]:
    if found := re.search(
        r'extension "([^"]+)" is not available|could not open extension control file "([^"]+)"', text
    ):
        yield f"the server lacks the extension {found[1] or found[2]}: use an image or package that has it"
    if "ICU is not supported in this build" in text:
        yield "the server was built without ICU: use an image or package that has it"
    if found := re.search(r'role "((?:[^"]|"")+)" does not exist', text):
        yield f"the backup names the role {found[1]}, which the server lacks"
    if found := re.search(r'must be (?:member of|able to SET ROLE) (?:role )?"((?:[^"]|"")+)"', text):
        yield f"who restores is no member of {found[1]}: restore as a member of it, or say --no-owner"
    if found := re.search(r"permission denied for (schema|database) (\S+)", text):
        yield (
            f"who restores, or an owner in the backup, may create nothing in the {found[1]} {found[2]}: "
            "say --no-owner, or restore as a superuser"
        )
    if found := re.search(r'unrecognized configuration parameter "([^"]+)"', text):
        yield f"the server does not know the setting {found[1]}: use one of the dump's major"
    if found := re.search(r'unrecognized parameter "([^"]+)"', text):
        yield f"the server does not know the option {found[1]}: use one of the dump's major and minor"


def _missing(text: str, *, rows_only: bool) -> Iterator[str]:
    if re.search(r'(relation|function|type) "?[^"]+"? does not exist', text) and "CONTEXT" in text:
        named = re.search(r'SQL function "([^"]+)"|PL/\S+ function (\S+\([^)]*\))', text)
        if named is not None:
            name = named[1] or named[2]
            yield (
                f"a function ({name}) is called while search_path is empty, as in every restore: "
                f"ALTER FUNCTION {name} SET search_path = … in the source cures it"
            )
            return
    if rows_only and re.search(r'relation "(?:[^"]|"")+" does not exist', text):
        yield (
            "a dump of rows alone (--data-only) cannot be restored: it wants the tables that it is of, and with "
            "--disable-triggers nothing looks at their foreign keys; take one of the whole database"
        )
