"""Texts of servers and programs without the values that they quote.

Which column a value is of cannot be told from a message. So of a server's message stays what PostgreSQL itself says of
it: its SQLSTATE, and where it says nothing but names of objects, the message; of a statement its words without strings
and numbers; of what a program printed nothing.
"""

from __future__ import annotations

import re

from ..reading.masked import masked
from ..reading.script import statements

NOT_SHOWN = "(not shown)"
_ENTRY = re.compile(r"^(?=  (?:looked at|remedy): )", re.MULTILINE)
_NAME = r'"(?:[^"\n]|"")+"'
#: Messages that hold names of objects alone, whatever the rows hold.
_SAFE = re.compile(
    "|".join(
        (
            rf"duplicate key value violates unique constraint {_NAME}",
            rf"conflicting key value violates exclusion constraint {_NAME}",
            rf"insert or update on table {_NAME} violates foreign key constraint {_NAME}",
            rf"update or delete on table {_NAME} violates (?:RESTRICT setting of )?foreign key constraint {_NAME}"
            rf" on table {_NAME}",
            rf"new row for relation {_NAME} violates (?:check|partition) constraint(?: {_NAME})?",
            rf"(?:check|partition) constraint {_NAME} of relation {_NAME} is violated by some row",
            rf"partition constraint of relation {_NAME} is violated by some row",
            rf"null value in column {_NAME}(?: of relation {_NAME})? violates not-null constraint",
            rf"column {_NAME} of relation {_NAME} contains null values",
            rf"domain \S+ does not allow null values|value for domain \w+ violates check constraint {_NAME}",
            rf"column {_NAME} of table {_NAME} contains values that violate the new constraint",
            rf"could not create unique index {_NAME}|could not create exclusion constraint {_NAME}",
            rf"no partition of relation {_NAME} found for row",
            rf"new row violates row-level security policy(?: {_NAME})? for table {_NAME}",
            r"value too long for type [a-z ]+\(\d+\)",
            r"(?:smallint|integer|bigint|numeric|interval|timestamp|date) out of range|numeric field overflow",
            r"division by zero|deadlock detected|could not serialize access due to [a-z ]+",
            r"canceling statement due to [a-z ]+|terminating connection due to [a-z ]+",
            r"permission denied for [a-z ]+ \w+|must be owner of [a-z ]+ \w+",
            r"current transaction is aborted, commands ignored until end of transaction block",
        )
    )
)  # fmt: skip
#: What follows, up to the end of the line, is a server's or a program's own.
_MARK = re.compile(
    r"(?P<state>SQLSTATE [0-9A-Z]{5})(?: \([^)\n]*\))?: "
    r"|the server said: (?:(?P<said>[0-9A-Z]{5}): )?"
    r"|(?P<statement>STATEMENT:\s+|QUERY:\s+|Command was:\s+|\[SQL: |of the statement: )"
    r"|\[parameters: |\bit said: |\bits output ended: "
    # PostgreSQL writes two blanks after the word, in whatever language.
    r"|(?<![^\s(])[^\s:()]{2,24}:  "
    r"|\b(?:ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|LOG|DETAIL|HINT|CONTEXT|WHERE|LINE \d+):\s+"
    r"|(?:\((?:psycopg2?|asyncpg|sqlalchemy|django)\.[\w.]*\)|\b(?:psycopg2?|asyncpg|sqlalchemy|django)\.[\w.]*:) "
)
#: Where a value follows in quotes, wherever the message stands.
_PHRASES = ("invalid input syntax for", "invalid input value for", "out of range: ", 'value "')
#: Sessions with their statements.
_SESSION = re.compile(r"\bpid \d+(?= waits for |: )")
_OUTPUT = re.compile(r"^(?:  looked at: )?the end of its output:")
#: A statement that the configuration has written out, and the file that it was run from.
_HOOK = re.compile(r"\(sql:[^\n]*\): (?=statement\.sql:)")
#: Lines of a program that begin something else.
_OWN = re.compile(r"(?:pg_restore|pg_dump|pg_dumpall|psql):[ ]")
#: What is added to a message of a migration that failed.
_ADDED = re.compile(
    r"; (?:nothing was changed|\d+ changes? (?:was|were) not rolled back)\Z"
    r"|\); (?:there is no backup whose restore could|the restore of the backup is the way back)[^\n\"']*\Z"
)
#: PostgreSQL's names of what a SQLSTATE's first two characters mean.
_CLASSES = {
    "08": "connection exception", "0A": "feature not supported", "0B": "invalid transaction initiation",
    "21": "cardinality violation", "22": "data exception", "23": "integrity constraint violation",
    "24": "invalid cursor state", "25": "invalid transaction state", "26": "invalid SQL statement name",
    "27": "triggered data change violation", "28": "invalid authorization specification",
    "2B": "dependent privilege descriptors still exist", "2D": "invalid transaction termination",
    "2F": "SQL routine exception", "34": "invalid cursor name", "38": "external routine exception",
    "39": "external routine invocation exception", "3B": "savepoint exception", "3D": "invalid catalog name",
    "3F": "invalid schema name", "40": "transaction rollback", "42": "syntax error or access rule violation",
    "44": "WITH CHECK OPTION violation", "53": "insufficient resources", "54": "program limit exceeded",
    "55": "object not in prerequisite state", "57": "operator intervention", "58": "system error",
    "F0": "configuration file error", "HV": "foreign data wrapper error", "P0": "PL/pgSQL error",
    "XX": "internal error",
}  # fmt: skip
#: Of the classes with many conditions, those that migrations meet.
_CONDITIONS = {
    "22001": "string data right truncation", "22003": "numeric value out of range", "22007": "invalid datetime format",
    "22008": "datetime field overflow", "22012": "division by zero", "22021": "character not in repertoire",
    "22023": "invalid parameter value", "2201B": "invalid regular expression", "22P02": "invalid text representation",
    "22P03": "invalid binary representation", "22P04": "bad copy file format", "22P05": "untranslatable character",
    "23001": "restrict violation", "23502": "not null violation", "23503": "foreign key violation",
    "23505": "unique violation", "23514": "check violation", "23P01": "exclusion violation",
    "25001": "active SQL transaction", "25006": "read only SQL transaction", "25P02": "in failed SQL transaction",
    "40001": "serialization failure", "40P01": "deadlock detected", "42501": "insufficient privilege",
    "42601": "syntax error", "42602": "invalid name", "42701": "duplicate column", "42702": "ambiguous column",
    "42703": "undefined column", "42704": "undefined object", "42710": "duplicate object",
    "42723": "duplicate function", "42725": "ambiguous function", "42804": "datatype mismatch",
    "42830": "invalid foreign key",
    "42846": "cannot coerce", "42883": "undefined function", "42P01": "undefined table", "42P06": "duplicate schema",
    "42P07": "duplicate table", "42P16": "invalid table definition", "42P17": "invalid object definition",
    "42P18": "indeterminate datatype", "53100": "disk full", "53200": "out of memory", "53300": "too many connections",
    "55000": "object not in prerequisite state", "55006": "object in use", "55P03": "lock not available",
    "57014": "query canceled", "57P01": "admin shutdown", "P0001": "raise exception", "P0002": "no data found",
    "P0003": "too many rows", "P0004": "assert failure",
}  # fmt: skip


def discreet(text: str) -> str:
    """Return a text of ours, in which messages of others stand, without what they quote."""
    text = _HOOK.sub("(sql:…): ", text)
    return "".join(_entry(entry) for entry in _ENTRY.split(text))


def condition(state: str) -> str | None:
    """Return what a SQLSTATE means, in PostgreSQL's words."""
    return _CONDITIONS.get(state) or _CLASSES.get(state[:2])


def _entry(text: str) -> str:
    """Return the message, a place that was looked at, or a remedy, each with its lines."""
    if found := _OUTPUT.match(text):
        return f"{found[0]} not shown, since values are not\n"
    if (session := _SESSION.search(text)) and not _MARK.search(text[: session.start()]):
        return text[: session.start()] + masked(text[session.start() :])
    kept: list[str] = []
    foreign = False
    for line in text.splitlines(keepends=True):
        body, end = line.rstrip("\n"), line[len(line.rstrip("\n")) :]
        if mark := _MARK.search(body):
            foreign = True
            kept.append(body[: mark.start()] + _marked(mark, body[mark.end() :]) + end)
        elif not foreign or _OWN.match(body.removeprefix("  looked at: ")):
            told = _unmarked(body)
            # A value may hold line ends.
            foreign = told != body and ("Failing row" in body or body.count('"') % 2 == 1)
            kept.append(told + end)
    told = "".join(kept)
    return told if told.endswith("\n") or not text.endswith("\n") else told + "\n"


def _unmarked(line: str) -> str:
    """Return a line of ours, or of a program that does not say whose words it repeats, without rows and values."""
    at = line.find("Failing row contains (")
    if at >= 0:
        return f"{line[:at]}Failing row contains (…)."
    equals = line.find(")=(")
    if equals >= 0:
        first = line.find("Key (", 0, equals)
        first = line.rfind("(", 0, equals) if first < 0 else first
        line = f"{line[: max(first, 0)]}(…){line[line.rfind(')') + 1 :]}"
    for phrase in _PHRASES:
        at = line.find(phrase)
        first, last = line.find('"', at), line.rfind('"')
        if at >= 0 and first >= 0:
            line = f"{line[:first]}{NOT_SHOWN}{line[max(last, first) + 1 :]}"
    return line


def _marked(mark: re.Match[str], message: str) -> str:
    if mark["statement"] is not None:
        return mark[0] + "; ".join(map(masked, statements(message)))
    told = mark[0]
    state = (mark["state"] or "")[-5:] or mark["said"]
    if mark["state"] is not None and (meaning := condition(state)) is not None and "(" not in told:
        told = f"{mark['state']} ({meaning}): "
    added = _ADDED.search(message)
    after = added[0] if added else ""
    message = message.removesuffix(after).strip()
    if _SAFE.fullmatch(message):
        return told + message + after
    if mark["said"] is not None and (meaning := condition(state)) is not None:
        return f"{told}{meaning}{after}"
    return told + NOT_SHOWN + after
