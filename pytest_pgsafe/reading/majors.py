"""What SQL text says of PostgreSQL's majors: what not every one of them takes, and what two of them do otherwise.

Only what can be read for certain counts: a word in a string, a comment or a body in another language is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .script import statements
from .tokens import tokens

#: Characters of a statement that are read: nothing that depends on a major stands behind so many rows of an INSERT.
_MOST = 20_000
_BODY = re.compile(r"^(?:create (?:or replace )?(?:function|procedure)|do) ")
_LANGUAGE = re.compile(r"\blanguage '?([a-z0-9_]+)'?")
#: Of what no major has given up.
_NO_LAST = 99
_MADE = re.compile(r"^create (?:or replace )?(?:function|procedure|aggregate) (?:[^ (]+ \. )?([^ (]+) \(")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A statement reduced to its words: one blank between them, in lower case, strings as ``''``."""

    words: str
    #: The strings that stand in it, as they are written.
    strings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What some majors do not take."""

    name: str
    #: Of the words of a statement.
    pattern: re.Pattern[str]
    #: The first major that takes it, and the last.
    first: int = 0
    last: int = _NO_LAST
    #: A function of PostgreSQL's own, which may be somebody's too.
    function: str | None = None

    @property
    def gone(self) -> bool:
        """Tell whether the newest majors do not take it any more."""
        return self.last < _NO_LAST

    def within(self, major: int) -> bool:
        """Tell whether a major takes it."""
        return self.first <= major <= self.last

    def where(self) -> str:
        """Say which majors take it."""
        return f"PostgreSQL {self.first} and newer" if self.first else f"PostgreSQL up to {self.last}"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What means something else from a major on."""

    name: str
    first: int
    #: For people: what it was, and what it is.
    effect: str
    words: re.Pattern[str] | None = None
    string: re.Pattern[str] | None = None

    def between(self, first: int, second: int) -> bool:
        """Tell whether two majors do otherwise."""
        return min(first, second) < self.first <= max(first, second)


def shapes(text: str) -> Iterator[Shape]:
    """Yield the shape of a statement, and those of the statements in a body of SQL or PL/pgSQL that it holds.

    :param text: without comments.
    """
    found = list(tokens(text[:_MOST]))
    strings = tuple(token.text for token in found if token.kind == "text")
    words = " ".join("''" if token.kind == "text" else token.text.lower() for token in found)
    yield Shape(words=words, strings=strings)
    if not _BODY.match(words):
        return
    written = _LANGUAGE.search(text.lower())
    language = written[1] if written else "plpgsql" if words.startswith("do ") else "sql"
    if language not in {"sql", "plpgsql"}:
        return
    for string in strings:
        if string.startswith("$"):
            mark = string[: string.index("$", 1) + 1]
            for part in statements(string[len(mark) : -len(mark)]):
                yield from shapes(part)


def made(shape: Shape) -> str | None:
    """Return the bare name of the function that a statement makes."""
    found = _MADE.match(shape.words)
    return None if found is None else found[1].strip('"')


def features(shape: Shape) -> Iterator[Feature]:
    """Yield what of a statement some majors do not take."""
    for feature in FEATURES:
        if feature.pattern.search(shape.words):
            yield feature
    if _virtual(shape.words):
        yield VIRTUAL


def behaviours(shape: Shape) -> Iterator[Behaviour]:
    """Yield what of a statement means something else in some majors."""
    for one in BEHAVIOURS:
        if (one.words is None or one.words.search(shape.words)) and (
            one.string is None or any(one.string.search(string) for string in shape.strings)
        ):
            yield one


@dataclass(kw_only=True)
class Needs:
    """What the text of several files needs: gathered statement by statement."""

    #: With where each was read first.
    found: dict[str, tuple[Feature, str]] = field(default_factory=dict[str, "tuple[Feature, str]"])
    #: Functions that the files make themselves.
    own: set[str] = field(default_factory=set[str])

    def read(self, texts: Iterable[tuple[str, str]]) -> Needs:
        """Read statements.

        :param texts: each without comments, and where it stands.
        """
        for text, place in texts:
            for shape in shapes(text):
                name = made(shape)
                if name is not None:
                    self.own.add(name)
                for feature in features(shape):
                    self.found.setdefault(feature.name, (feature, place))
        return self

    @property
    def features(self) -> tuple[tuple[Feature, str], ...]:
        """What counts: no function that the files make themselves."""
        return tuple(one for one in self.found.values() if one[0].function not in self.own)

    @property
    def least(self) -> tuple[Feature, str] | None:
        """What needs the newest major, and where it stands."""
        return max((one for one in self.features if one[0].first), key=lambda one: one[0].first, default=None)

    @property
    def most(self) -> tuple[Feature, str] | None:
        """What the newest majors do not take any more."""
        return min((one for one in self.features if one[0].gone), key=lambda one: one[0].last, default=None)


def _virtual(words: str) -> bool:
    """Tell whether a column is generated and not stored: the default is virtual, from 18 on."""
    for found in re.finditer(r"\bgenerated always as \( ", words):
        depth, at = 1, found.end()
        while depth and at < len(words):
            depth += {"(": 1, ")": -1}.get(words[at], 0)
            at += 1
        if not depth and not words[at:].startswith(" stored"):
            return True
    return False


#: Where a statement may begin, in the words of a body too.
_START = r"(?:^|\b(?:begin|then|else|loop|as) |[;)] )"


def _syntax(first: int, name: str, pattern: str) -> Feature:
    return Feature(name=name, pattern=re.compile(pattern), first=first)


def _gone(last: int, name: str, pattern: str) -> Feature:
    return Feature(name=name, pattern=re.compile(pattern), last=last)


def _function(first: int, name: str) -> Feature:
    pattern = re.compile(rf"(?:(?<!\. )|(?<=pg_catalog \. ))(?<!function )\b{name} \(")
    return Feature(name=f"{name}()", pattern=pattern, first=first, function=name)


def _setting(name: str, *, first: int = 0, last: int = _NO_LAST) -> Feature:
    """Return the setting as SET and ALTER … SET say it, not a column of that name."""
    pattern = rf"^(?:set (?:session |local )?|alter (?:database|role|user|system) .*\bset ){name} (?:to|=)"
    return Feature(name=f"SET {name}", pattern=re.compile(pattern), first=first, last=last)


VIRTUAL = Feature(name="a virtual generated column", pattern=re.compile(r"(?!)"), first=18)
FEATURES: tuple[Feature, ...] = (
    # 15
    _syntax(15, "MERGE", _START + r"merge into "),
    _syntax(15, "NULLS NOT DISTINCT", r"\bnulls not distinct\b"),
    _syntax(15, "security_invoker of a view", r"^create .*\bview .*\bwith \( (?:[^)]* )?security_invoker\b"),
    _syntax(15, "a publication of a schema", r"^(?:create|alter) publication .*\btables in schema\b"),
    _syntax(15, "columns or rows of a published table",
        r"^(?:create|alter) publication .*\btable (?:only )?[^,() ]+(?: \. [^,() ]+)? (?:where )?\("),
    _syntax(15, "SET ACCESS METHOD", r"^alter (?:table|materialized view) .*\bset access method\b"),
    _syntax(15, "ON DELETE SET NULL of some columns", r"\bon delete set (?:null|default) \("),
    _syntax(15, "GRANT … ON PARAMETER", r"^(?:grant|revoke) .*\bon parameter\b"),
    *(_function(15, name) for name in ("regexp_count", "regexp_instr", "regexp_like", "pg_backup_start")),
    _setting("stats_fetch_consistency", first=15),
    _setting("recursive_worktable_factor", first=15),
    # 16
    _syntax(16, "IS JSON", r"\bis (?:not )?json\b"),
    _syntax(16, "STORAGE in CREATE TABLE",
        r"^create (?:\w+ )*table .*\bstorage (?:plain|external|extended|main|default)\b"),
    _syntax(16, "an integer in another notation", r"(?:^| )(?:0[xob][0-9a-f]\w*|\d+_\d\w*)(?=$| )"),
    _syntax(16, "GRANT of a role WITH INHERIT or SET",
        r"^grant (?!.* on ).*\b(?:with|,) (?:(?:inherit|set) (?:true|false|option)|admin (?:true|false))\b"),
    *(_function(16, name) for name in (
        "any_value", "array_sample", "array_shuffle", "random_normal", "pg_input_is_valid", "pg_input_error_info",
        "date_subtract", "json_arrayagg", "json_objectagg",
    )),
    _setting("debug_parallel_query", first=16),
    _setting("createrole_self_grant", first=16),
    _setting("enable_presorted_aggregate", first=16),
    _setting("vacuum_buffer_usage_limit", first=16),
    # 17
    _syntax(17, "MERGE … RETURNING", _START + r"merge into .*\breturning\b"),
    _syntax(17, "WHEN NOT MATCHED BY SOURCE", r"\bwhen not matched by (?:source|target)\b"),
    _syntax(17, "COPY … ON_ERROR", r"^copy .*\bon_error\b"),
    _syntax(17, "SET EXPRESSION", r"^alter table .*\bset expression as \("),
    _syntax(17, "AT LOCAL", r"\bat local\b"),
    _syntax(17, "the privilege MAINTAIN", r"^(?:grant|revoke) [^()]*\bmaintain\b.* on "),
    _syntax(17, "the collation provider builtin", r"\b(?:locale_)?provider =? ?builtin\b"),
    _syntax(17, "an event trigger for logins", r"^create event trigger .* on login\b"),
    _syntax(17, "JSON_TABLE", r"\bjson_table \("),
    *(_function(17, name) for name in (
        "json_exists", "json_query", "json_value", "json_serialize", "json_scalar", "to_bin", "to_oct", "xmltext",
        "uuid_extract_timestamp", "uuid_extract_version",
    )),
    _setting("transaction_timeout", first=17),
    _setting("event_triggers", first=17),
    _setting("enable_group_by_reordering", first=17),
    # 18
    _syntax(18, "WITHOUT OVERLAPS", r"\bwithout overlaps\b"),
    _syntax(18, "a foreign key with PERIOD", r"\bforeign key \( [^)]*\bperiod \w"),
    _syntax(18, "NOT ENFORCED", r"\bnot enforced\b"),
    _syntax(18, "NOT NULL as a constraint of a table", r"^alter table .*\badd constraint [^ ]+ not null \S"),
    _syntax(18, "OLD and NEW in RETURNING", r"\breturning with \( (?:old|new) as\b"),
    _syntax(18, "COPY … REJECT_LIMIT", r"^copy .*\breject_limit\b"),
    *(_function(18, name) for name in ("uuidv7", "uuidv4", "array_sort", "array_reverse", "casefold", "crc32c")),
    _setting("file_copy_method", first=18),
    _setting("vacuum_truncate", first=18),
    _setting("enable_self_join_elimination", first=18),
    _setting("enable_distinct_reordering", first=18),
    # What is gone.
    _gone(14, "pg_start_backup()", r"\bpg_(?:start|stop)_backup \("),
    _gone(14, "PL/Python for Python 2",
        r"^create (?:extension|(?:or replace )?language) (?:if not exists )?plpython2?u\b"),
    _gone(16, "the extension adminpack", r"^create extension (?:if not exists )?adminpack\b"),
    _gone(17, "an unlogged partitioned table", r"^create unlogged table .*\bpartition by\b"),
    _gone(17, "the privilege RULE", r"^(?:grant|revoke) rule on "),
    _setting("force_parallel_mode", last=15),
    _setting("vacuum_defer_cleanup_age", last=15),
    _setting("promote_trigger_file", last=15),
    _setting("old_snapshot_threshold", last=16),
    _setting("db_user_namespace", last=16),
    _setting("trace_recovery_messages", last=16),
)  # fmt: skip


def _differs(first: int, name: str, effect: str, *, words: str | None = None, string: str | None = None) -> Behaviour:
    return Behaviour(
        name=name, first=first, effect=effect,
        words=None if words is None else re.compile(words),
        string=None if string is None else re.compile(string, re.DOTALL),
    )  # fmt: skip


_NUMBERS = r"(?:small|big)?int\w*|numeric|decimal|real|float\d?|double|bool(?:ean)?"
#: From PostgreSQL's release notes, section "Migration to Version"; what a statement shows of it.
BEHAVIOURS: tuple[Behaviour, ...] = (
    _differs(
        15, "interval-fraction",
        "a fraction of a year in an interval is cut to whole months up to 14, and rounded to the nearest from 15 on",
        words=r"\binterval\b", string=r"(?i)\.\d+ *(?:y|dec|c|mil)",
    ),
    _differs(
        17, "escape-v", "in a string E'…' \\v is the letter v up to 16, and a vertical tab from 17 on",
        string=r"^[eE]'(?:[^\\]|\\[^v])*\\v",
    ),
    _differs(
        16, "createrole",
        "what a role with CREATEROLE may do to other roles, and which memberships are inherited, changed with 16",
        words=r"^(?:(?:create|alter|drop) (?:role|user|group) (?!mapping)|grant (?!.* on )|revoke (?!.* on ))",
    ),
    _differs(
        16, "bound-cursor",
        "a cursor variable of PL/pgSQL names its portal up to 15; from 16 on the portal has a name of its own",
        words=r"\bcursor (?:\([^)]*\) )?(?:for|is) ",
    ),
    _differs(
        17, "maintenance-path",
        "from 17 on a function that it calls finds what it names without a schema in pg_catalog alone, and fails",
        words=r"^(?:create materialized view|refresh materialized view|reindex|cluster)\b",
    ),
    _differs(
        17, "infinite-interval", "an infinite interval is an error up to 16", words=r"\binterval\b",
        string=r"(?i)^'[+-]?inf(?:inity)?'$",
    ),
    _differs(
        18, "json-null", "jsonb's null cast to a number or a boolean is an error up to 17, and NULL from 18 on",
        words=rf"- > (?:''|\w+) \) :: (?:{_NUMBERS})\b|\bcast \( [^()]*- > (?:''|\w+) as (?:{_NUMBERS})\b",
    ),
    _differs(
        18, "time-zone-abbreviation",
        "from 18 on an abbreviation of a time zone is looked for in the session's own time zone first",
        string=r"\d:\d\d(?::\d\d(?:\.\d+)?)? ?(?!UTC|GMT|AM|PM|BC|AD)[A-Z]{3,5}\b",
    ),
    _differs(
        18, "copy-csv", "a line \\. ends what COPY reads as CSV from a file up to 17, and is a value from 18 on",
        words=r"^copy .*\bfrom ''.*\bcsv\b",
    ),
    _differs(
        18, "trigger-role",
        "an AFTER trigger that fires at the end of the transaction runs as the role of the statement from 18 on",
        words=r"^(?:set (?:local |session )?role|reset role|set constraints)\b",
    ),
)  # fmt: skip
