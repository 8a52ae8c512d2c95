"""The safer form of a statement: the same change, for which nobody has to wait (pure)."""

from __future__ import annotations

import re

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?'
_FLAGS = re.IGNORECASE
_TABLE = rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(?P<table>{_NAME}) "
_INDEX = re.compile(r"(CREATE (?:UNIQUE )?INDEX|DROP INDEX|REFRESH MATERIALIZED VIEW) (?!CONCURRENTLY\b)(.*)", _FLAGS)
_REINDEX = re.compile(r"REINDEX (?:\([^()]*\) )?(TABLE|INDEX) (?!CONCURRENTLY\b)(.*)", _FLAGS)
_CONSTRAINT = re.compile(
    rf"{_TABLE}ADD (?:CONSTRAINT (?P<name>{_NAME}) )?(?P<form>CHECK|FOREIGN KEY|NOT NULL)\b"
    r"(?!.*\bNOT VALID\b)(?P<rest>[^,]*(?:\(.*\).*)?)",
    _FLAGS,
)
_KEY = re.compile(
    rf"{_TABLE}ADD (?:CONSTRAINT (?P<name>{_NAME}) )?(?P<form>UNIQUE|PRIMARY KEY) ?(?P<columns>\([^()]*\))", _FLAGS
)
_NOT_NULL = re.compile(rf"{_TABLE}ALTER (?:COLUMN )?(?P<column>{_NAME}) SET NOT NULL", _FLAGS)
_TYPE = re.compile(rf"{_TABLE}ALTER (?:COLUMN )?(?P<column>{_NAME}) (?:SET DATA )?TYPE (?P<type>[^,]*)", _FLAGS)
_USING = re.compile(r" USING ", _FLAGS)
_COLUMN = re.compile(rf"{_TABLE}ADD (?:COLUMN )?(?:IF NOT EXISTS )?(?P<column>{_NAME}) (?P<rest>.*)", _FLAGS)
_DEFAULT = re.compile(r"\bDEFAULT (?P<default>\S.*?)(?= NOT NULL\b|$)", _FLAGS)
_ATTACH = re.compile(rf"{_TABLE}ATTACH PARTITION (?P<partition>{_NAME})", _FLAGS)
_DETACH = re.compile(rf"({_TABLE}DETACH PARTITION {_NAME})(?! (?:CONCURRENTLY|FINALIZE))", _FLAGS)
_VALIDATED = "ALTER TABLE {table} VALIDATE CONSTRAINT {name}"


def safer(statement: str) -> str | None:
    """Return what to write instead of a statement; None where no other form of it waits less."""
    text = " ".join(statement.split()).rstrip("; ")
    for form in (_indexed, _constrained, _keyed, _columned, _partitioned, _stored):
        told = form(text)
        if told is not None:
            return told
    return None


def brief(*, held_on: str | None = None, limited: bool = False) -> str:
    """Return what keeps a lock brief that cannot be done without.

    :param held_on: a statement that it is held for besides.
    :param limited: the migration has set a lock_timeout.
    """
    first = "" if held_on is None else f"COMMIT right behind it, and run {_short(held_on)} afterwards, in batches"
    if limited:
        return f"{first or 'Run the migration again where its lock_timeout is exceeded'}."
    return f"{first and f'{first}; '}SET lock_timeout = '2s' before it, and try again where it is exceeded."


def _indexed(text: str) -> str | None:
    if found := _INDEX.match(text):
        more = " (it needs a unique index over all rows)" if found[1].upper().startswith("REFRESH") else ""
        return f"{found[1]} CONCURRENTLY {_short(found[2])}, outside of a transaction{more}."
    if found := _REINDEX.match(text):
        return f"REINDEX {found[1]} CONCURRENTLY {_short(found[2])}, outside of a transaction."
    return None


def _constrained(text: str) -> str | None:
    if found := _CONSTRAINT.match(text):
        name = found["name"] or "NAME"
        first = f"ALTER TABLE {found['table']} ADD CONSTRAINT {name} {found['form']}{_short(found['rest'])} NOT VALID"
        return f"{first}; then, in a transaction of its own, {_VALIDATED.format(table=found['table'], name=name)}."
    if found := _NOT_NULL.match(text):
        table, column = found["table"], found["column"]
        name = f"{column.strip(chr(34))}_not_null"
        return (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID; then, in a transaction "
            f"of its own, {_VALIDATED.format(table=table, name=name)}; then SET NOT NULL, which reads nothing any "
            f"more, and DROP CONSTRAINT {name}."
        )
    return None


def _keyed(text: str) -> str | None:
    found = _KEY.match(text)
    if found is None:
        return None
    name = found["name"] or "NAME"
    return (
        f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {found['table']} {found['columns']}; then ALTER TABLE "
        f"{found['table']} ADD CONSTRAINT {name} {found['form']} USING INDEX {name}."
    )


def _columned(text: str) -> str | None:
    if found := _TYPE.match(text):
        column = found["column"]
        new = f'{column[:-1]}_new"' if column.endswith('"') else f"{column}_new"
        return (
            f"ALTER TABLE {found['table']} ADD COLUMN {new} {_USING.split(found['type'])[0]}; keep "
            "it up to date by a trigger, fill it in batches, and switch the names in one short transaction."
        )
    found = _COLUMN.match(text)
    if found is None:
        return None
    default = _DEFAULT.search(found["rest"])
    if default is None:
        return None
    of, column = found["rest"][: default.start()].strip(), found["column"]
    return (
        f"ALTER TABLE {found['table']} ADD COLUMN {column} {of}; then ALTER COLUMN {column} SET DEFAULT "
        f"{_short(default['default'])}, which is for new rows; then fill the old ones in batches."
    )


def _partitioned(text: str) -> str | None:
    if found := _DETACH.match(text):
        return f"{found[1]} CONCURRENTLY, outside of a transaction."
    if found := _ATTACH.match(text):
        return (
            f"First add a CHECK constraint to {found['partition']} that says its bounds, NOT VALID, and VALIDATE it: "
            "then it is not read; to the DEFAULT partition, if there is one, one that rules them out."
        )
    return None


def _stored(text: str) -> str | None:
    if re.match(r"(?:VACUUM\b.*\bFULL\b|CLUSTER\b)", text, _FLAGS):
        return "pg_repack or pg_squeeze, which rewrite a table beside those who work on it."
    return None


def _short(text: str) -> str:
    text = text.rstrip().removesuffix(";")
    return text if len(text) <= 120 else f"{text[:119]}…"
