"""Which settings of a source's server a migration depended on that nobody could ask for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ..catalog.names import bare, unquoted
from ..catalog.values import Catalog
from ..compare.values import Comparison
from ..migrate.values import Trace
from ..reading.tokens import tokens
from ..reading.values import Cited
from ..snapshot.values import NotVerified

TIME_ZONE, DATE_STYLE = "TimeZone", "DateStyle"
#: What the copy has where nobody says anything else.
_ASSUMED = {TIME_ZONE: "UTC", DATE_STYLE: "ISO, MDY"}
_WRITES = re.compile(
    r"\s*(insert|update|delete|merge|with|select|do|alter\s+table|create\s+table\b.*\bas\b)", re.I | re.S
)
#: 03/04/2024, 3.4.2024: which of the two is the day hangs on the order of DateStyle.
_AMBIGUOUS = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{4}\b.*|\d{1,2}/\d{1,2}/\d{2}\b.*", re.S)
_ZONE = re.compile(r"(z|[+-]\d{1,2}(:?\d{2})?|utc|gmt)$|^(now|infinity|-infinity|epoch)$|[a-z]+/[a-z_]+$", re.I)
_ZONED = r"(?:timestamptz|timestamp(?:\s*\(\d\))?\s+with\s+time\s+zone)"
#: With each string in the place of its number.
_CAST = re.compile(
    rf"(?P<word>[\w.\"]+)\s*(?:::|\bas)\s*{_ZONED}(?!\w)|\b{_ZONED}\s+(?P<literal>\$\d+\$)", re.IGNORECASE
)
_LITERAL_CAST = re.compile(rf"(?P<place>\$\d+\$)\s*::\s*{_ZONED}", re.IGNORECASE)
_TODAY = re.compile(
    r"\b(current_date|localtimestamp|localtime)\b"
    r"|\b(now\s*\(\s*\)|current_timestamp)\s*::\s*(date|timestamp)\b(?!\s+with\b)(?!tz)",
    re.IGNORECASE,
)
_TO_DAY = re.compile(r"(?P<word>[\w.\"]+)\s*::\s*(?:date|timestamp|timestamptz)\b", re.IGNORECASE)
_OF_ZONE = re.compile(r"\b(?:to_char|date_trunc)\s*\(\s*(?:\$\d+\$\s*,\s*)?(?P<word>[\w.\"]+)\s*[,)]", re.IGNORECASE)


def assumed(comparison: Comparison, trace: Trace | None, known: Collection[str]) -> tuple[NotVerified, ...]:
    """Return the settings that a migration depended on and that are not known, each with the first cause.

    :param known: names in lower case, of the settings that somebody said.
    """
    before = comparison.before.catalog
    said = {*known, *(one.partition("=")[0].lower() for one in before.database.settings)}
    statements = () if trace is None else trace.statements
    texts = [one.text for one in statements if one.error is None]
    found: dict[str, str] = {}
    for name, why in [*_retyped(comparison, texts), *(one for text in texts for one in depends(text, before))]:
        if name.lower() not in said:
            found.setdefault(name, why)
    return tuple(
        NotVerified(
            object=f"setting {name}",
            reason=f"the source's server could not be asked, and the copy has {_ASSUMED[name]}: {why} depends on it; "
            f'[source] settings = {{ {name.lower()} = "…" }} says what the source has',
        )
        for name, why in sorted(found.items())
    )


def _retyped(comparison: Comparison, texts: Collection[str]) -> Iterator[tuple[str, str]]:
    before, after = comparison.before.catalog.columns, comparison.after.catalog.columns
    for old, new in comparison.columns.items():
        if old not in before or new not in after or before[old].type == after[new].type:
            continue
        types = before[old].type, after[new].type
        timed = [re.match(r"(timestamp|time|date)\b", one) is not None for one in types]
        zoned = ["with time zone" in one for one in types]
        column = unquoted(bare(old))
        explicit = any(column in text and re.search(r"at\s+time\s+zone|timezone\s*\(", text, re.I) for text in texts)
        why = f"{old}, which went from {types[0]} to {types[1]},"
        if all(timed) and zoned[0] != zoned[1] and not explicit:
            yield TIME_ZONE, why
        elif timed[1] and re.match(r"(text|character)", types[0]):
            yield DATE_STYLE, why
            if zoned[1] and not explicit:
                yield TIME_ZONE, why


def depends(text: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the settings that a statement depends on, as far as its words tell, each with the statement."""
    if not _WRITES.match(text):
        return
    why = f"“{Cited.of(text)}”"
    strings: dict[str, str] = {}
    plain = text
    for token in [one for one in tokens(text) if one.kind == "text"][::-1]:
        place = f"${len(strings)}$"
        strings[place] = token.text.strip("'")
        plain = plain[: token.start] + place + plain[token.end :]
    if any(_AMBIGUOUS.fullmatch(one) for one in strings.values()):
        yield DATE_STYLE, why
    places = [match["place"] for match in _LITERAL_CAST.finditer(plain)]
    places += [match["literal"] for match in _CAST.finditer(plain) if match["literal"]]
    if any(not _ZONE.search(strings[place]) for place in places):
        yield TIME_ZONE, why
    for name in _by_columns(plain, _types(catalog)):
        yield name, why


def _by_columns(plain: str, types: dict[str, set[str]]) -> Iterator[str]:
    """Yield the settings that a statement without its strings depends on by what it casts."""
    explicit = re.search(r"at\s+time\s+zone|\btimezone\s*\(", plain, re.IGNORECASE) is not None
    cast = [one for match in _CAST.finditer(plain) if match["word"] for one in types.get(_last(match["word"]), ())]
    naive = any("timestamp without" in one or one == "date" for one in cast)
    if not explicit and (naive or _TODAY.search(plain)):
        yield TIME_ZONE
    for match in [*_TO_DAY.finditer(plain), *_OF_ZONE.finditer(plain)]:
        for type_ in types.get(_last(match["word"]), ()):
            if "with time zone" in type_ and not explicit:
                yield TIME_ZONE
            elif re.match(r"(text|character)", type_) and match.re is _TO_DAY:
                yield DATE_STYLE


def _types(catalog: Catalog) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in catalog.columns.values():
        found.setdefault(unquoted(one.column), set()).add(one.type)
    return found


def _last(word: str) -> str:
    return unquoted(word.rpartition(".")[2])
