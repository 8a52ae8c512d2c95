"""How a value becomes a 64-bit hash, by its type: what a reader sees as equal hashes alike, and nothing else does.

Templates hold ``{v}`` for the value and ``{s}`` for the seed (a bigint expression). Rules that the templates keep:

- every bit of value and seed counts. ``hashint8extended`` folds a bigint into 32 bits first, so that 1 and 2^32, or -1
  and 2^32 - 1, hash alike: integers hash their upper half again, and a 64-bit hash is only ever passed on as a *seed*,
  which is mixed in whole;
- the seed enters non-linearly, for every value. ``hash_numeric_extended`` returns the seed for NaN and the infinities,
  one less for 0, combines the digits' hash with the weight by xor and leaves out the sign (1 and -1 hash alike): it
  is finished by another hash;
- a type whose hash is looser than a reader's eye (-0.0, jsonb scale, 1 month and 30 days, citext, non-deterministic
  collations), looks at OIDs (enums, reg* types) or is linear (arrays, ranges, composites) goes by its text under
  ``COLLATE "C"``;
- the same value has the same hash in a wider type of its family: int4 and int8, varchar and text, numeric(10,2) and
  numeric(14,4), where 1.0 and 1.00 are one value. Trailing blanks of ``character(n)`` are padding, no content.

Native hashes are stable across majors, because hash partitioning stores rows by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..catalog.values import Type

__all__ = ["Form", "base_type", "common_forms", "composite", "form", "literal", "textual", "underlying", "xor"]

_TYPMOD = re.compile(r"\(-?\d+(,-?\d+)?\)")

#: The text of a value of a built-in type.
_CAST = "({v})::pg_catalog.text"
#: The text of any other: a cast to text may be somebody's function (or missing), the output function is always right.
#: concat() makes '' of NULL, and IS NULL is true for a row of NULLs, hence num_nulls().
_OUTPUT = "(CASE WHEN pg_catalog.num_nulls({v}) = 0 THEN pg_catalog.concat({v}) END)"

_TEXT = 'pg_catalog.hashtextextended({t} COLLATE pg_catalog."C", {s})'
_INTEGER = (
    "pg_catalog.hashint8extended(({v})::pg_catalog.int8 OPERATOR(pg_catalog.>>) 32,"
    " pg_catalog.hashint8extended(({v})::pg_catalog.int8, {s}))"
)
_NUMERIC = (
    "coalesce(pg_catalog.hashint4extended(CASE WHEN ({v}) OPERATOR(pg_catalog.<) 0 THEN -1 ELSE 1 END,"
    " nullif(pg_catalog.hash_numeric_extended({v}, {s}), {s})), " + _TEXT.replace("{t}", _CAST) + ")"
)
_FLOAT = (
    "(CASE WHEN ({v}) OPERATOR(pg_catalog.=) 0 THEN "
    + _TEXT.replace("{t}", _CAST)
    + " ELSE pg_catalog.hashfloat8extended({v}, {s}) END)"
)
# Without the day, timestamps a multiple of 2^32 microseconds apart would be folded onto another.
_TIMESTAMP = (
    "(CASE WHEN pg_catalog.isfinite({v}) THEN pg_catalog.hashint4extended("
    "({v})::pg_catalog.date OPERATOR(pg_catalog.-) '2000-01-01'::pg_catalog.date,"
    " pg_catalog.timestamp_hash_extended({v}, {s})) ELSE " + _TEXT.replace("{t}", _CAST) + " END)"
)
_DATE = (
    "(CASE WHEN pg_catalog.isfinite({v}) THEN pg_catalog.hashint4extended("
    "({v}) OPERATOR(pg_catalog.-) '2000-01-01'::pg_catalog.date, {s}) ELSE " + _TEXT.replace("{t}", _CAST) + " END)"
)
# bytea has a hash function of its own from 18 only; an array of one element is hashed as 31 plus the element's hash.
_BYTEA = "(CASE WHEN ({v}) IS NOT NULL THEN pg_catalog.hash_array_extended(ARRAY[{v}], {s}) END)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What is hashed of a value, and how. Hashes of one ``kind`` may be compared, whatever types they came from."""

    kind: str
    #: Template of a bigint, NULL for NULL.
    template: str
    #: Template of the text that people are shown, NULL for NULL.
    shown: str

    def hash(self, value: str, seed: str) -> str:
        """Return the SQL of the hash of ``value``, seeded by ``seed``; both are SQL."""
        # Not str.format: a quoted identifier may hold braces.
        return _fill(self.template, value, seed)

    def text(self, value: str) -> str:
        """Return the SQL of the value as PostgreSQL prints it."""
        return _fill(self.shown, value, "")


def _fill(template: str, value: str, seed: str) -> str:
    values = {"{v}": value, "{s}": seed}
    return re.sub(r"\{[vs]\}", lambda match: values[match.group()], template)


def _text(template: str) -> Form:
    return Form(kind="text", template=_TEXT.replace("{t}", template), shown=template)


def _native(kind: str, template: str) -> Form:
    return Form(kind=kind, template=template, shown=_CAST)


_NATIVE: dict[str, Form] = {
    "smallint": _native("integer", _INTEGER),
    "integer": _native("integer", _INTEGER),
    "bigint": _native("integer", _INTEGER),
    "numeric": _native("numeric", _NUMERIC),
    "real": _native("float", _FLOAT),
    "double precision": _native("float", _FLOAT),
    "boolean": _native("boolean", "pg_catalog.hashint4extended(({v})::pg_catalog.int4, {s})"),
    "date": _native("date", _DATE),
    "timestamp without time zone": _native("timestamp", _TIMESTAMP),
    "uuid": _native("uuid", "pg_catalog.uuid_hash_extended({v}, {s})"),
    "bytea": _native("bytea", _BYTEA),
    "inet": _native("inet", "pg_catalog.hashinetextended({v}, {s})"),
    "cidr": _native("inet", "pg_catalog.hashinetextended({v}, {s})"),
    "macaddr": _native("macaddr", "pg_catalog.hashmacaddrextended({v}, {s})"),
    "macaddr8": _native("macaddr8", "pg_catalog.hashmacaddr8extended({v}, {s})"),
    "oid": _native("oid", "pg_catalog.hashoidextended({v}, {s})"),
    '"char"': _native("char", "pg_catalog.hashcharextended({v}, {s})"),
}

#: By type: the cast with which it takes part in a comparison across types.
_TO_NUMERIC = {
    "smallint": "({v})::pg_catalog.numeric",
    "integer": "({v})::pg_catalog.numeric",
    "bigint": "({v})::pg_catalog.numeric",
    "oid": "({v})::pg_catalog.int8::pg_catalog.numeric",
    "boolean": "({v})::pg_catalog.int4::pg_catalog.numeric",
    "money": "({v})::pg_catalog.numeric",
    "numeric": "{v}",
    # A cast from float rounds to 15 (6) digits, the text is exact.
    "real": "({v})::pg_catalog.text::pg_catalog.numeric",
    "double precision": "({v})::pg_catalog.text::pg_catalog.numeric",
}
# A date past the last timestamp has no timestamp; its own text then equals none.
_TO_TIMESTAMP = {
    "date": "(CASE WHEN ({v}) OPERATOR(pg_catalog.<=) '294276-12-31'::pg_catalog.date"
    " OR NOT pg_catalog.isfinite({v}) THEN ({v})::pg_catalog.timestamp::pg_catalog.text"
    " ELSE ({v})::pg_catalog.text END)",
    "timestamp without time zone": _CAST,
    "timestamp with time zone": "pg_catalog.timezone('UTC', {v})::pg_catalog.text",
}
_AS_JSONB = "({v})::pg_catalog.jsonb::pg_catalog.text"


def _keys(text: str) -> str:
    """Return the SQL of the number of keys in a JSON text; what a string holds counts in json and jsonb alike."""
    plain = f"pg_catalog.regexp_replace({text}, E'\\\\\\\\.', '', 'g')"
    return f"(SELECT pg_catalog.count(*) FROM pg_catalog.regexp_matches({plain}, E'\"\\\\s*:', 'g'))"  # noqa: S608


# jsonb keeps the last of repeated keys: a json text with more keys than are left of it equals no jsonb.
_TO_JSONB = {
    "json": f"(CASE WHEN {_keys(_CAST)} OPERATOR(pg_catalog.>) {_keys(_AS_JSONB)}"
    f" THEN pg_catalog.concat('repeated keys: ', {{v}}) ELSE {_AS_JSONB} END)",
    "jsonb": _CAST,
}


def base_type(type_: str) -> str:
    """Return a type's name without its modifier: ``numeric(10,2)`` is ``numeric``."""
    return type_ if "." in type_ else _TYPMOD.sub("", type_)


def underlying(types: Mapping[str, Type], type_: str) -> str:
    """Return the type below a domain, and below that if it is a domain too; any other type as it is."""
    while (known := types.get(type_)) is not None and known.form == "domain":
        # The catalog writes the type first, then COLLATE, DEFAULT and NOT NULL.
        type_ = re.split(" COLLATE | DEFAULT | NOT NULL", known.definition, maxsplit=1)[0]
    return type_


def form(type_: str) -> Form:
    """Return how values of a type, no domain, are hashed.

    :param type_: as format_type prints it while the search path is ``pg_catalog`` alone, so that only built-in types
        are without a schema.
    """
    return _NATIVE.get(base_type(type_)) or textual(type_)


def textual(type_: str) -> Form:
    """Return how values of a type are hashed by their text: the form that always is comparable."""
    return _text(_OUTPUT if "." in type_ else _CAST)


def common_forms(before: str, after: str) -> tuple[Form, Form]:
    """Return the forms in which values of two types are compared: of one kind, equal where nothing was lost.

    The numeric family meets in numeric (floats by their exact text), text types in text, dates and timestamps in
    timestamp at UTC, json and jsonb in jsonb; anything else is compared by its text. Arrays of different types meet
    element by element.
    """
    if before.endswith("[]") and after.endswith("[]") and before != after:
        return _elements(before[:-2], after[:-2])
    first, second = form(before), form(after)
    if first.kind == second.kind and "json" not in {before, after}:
        return first, second
    first_base, second_base = base_type(before), base_type(after)
    for casts in (_TO_NUMERIC, _TO_TIMESTAMP, _TO_JSONB):
        if first_base in casts and second_base in casts and first_base != second_base:
            return _cast(casts, before), _cast(casts, after)
    return textual(before), textual(after)


def composite(attributes: Sequence[str], *, array: bool) -> Form:
    """Return how values of a composite type, or arrays of one, are hashed by some of its attributes.

    :param attributes: bare, quoted names.
    """
    row = f"pg_catalog.concat(ROW({', '.join(f'({{v}}).{name}' for name in attributes)}))"
    template = f"(CASE WHEN pg_catalog.num_nulls({{v}}) = 0 THEN {row} END)"
    found = _array("", template) if array else _text(template)
    return replace(found, kind="composite", shown=_OUTPUT)


def _elements(before: str, after: str) -> tuple[Form, Form]:
    """Return the forms of arrays of two types: their bounds, and the text of each element in a type that both have."""
    one, other = base_type(before), base_type(after)
    for casts in (_TO_NUMERIC, _TO_TIMESTAMP, _TO_JSONB):
        if one in casts and other in casts:
            return _array(before, _element(casts, one)), _array(after, _element(casts, other))
    return _array(before, textual(before).shown), _array(after, textual(after).shown)


def _element(casts: dict[str, str], base: str) -> str:
    # Digits that a scale adds behind the last one that counts are no other number.
    return f"pg_catalog.trim_scale({casts[base]})::pg_catalog.text" if casts is _TO_NUMERIC else casts[base]


def _array(type_: str, text: str) -> Form:
    elements = f"pg_catalog.array_agg({_fill(text, 'u.e', '')})::pg_catalog.text"
    joined = f"pg_catalog.concat(pg_catalog.array_dims({{v}}), {elements})"
    # After FROM, unnest() would take composite elements apart.
    query = f"(SELECT {joined} FROM (SELECT pg_catalog.unnest({{v}}) AS e) u)"  # noqa: S608
    template = f"(CASE WHEN pg_catalog.num_nulls({{v}}) = 0 THEN {query} END)"
    return Form(kind="text", template=_TEXT.replace("{t}", template), shown=textual(f"{type_}[]").shown)


def _cast(casts: dict[str, str], type_: str) -> Form:
    cast = casts[base_type(type_)]
    if casts is _TO_NUMERIC:
        return Form(kind="numeric", template=_NUMERIC.replace("{v}", cast), shown=_CAST)
    return Form(kind="text", template=_TEXT.replace("{t}", cast), shown=_CAST)


def xor(hashes: list[str]) -> str:
    """Return the SQL that combines bigints, as a balanced tree: 1,600 of them in a row would be too deep."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else "0::pg_catalog.int8"
    middle = len(hashes) // 2
    return f"({xor(hashes[:middle])} OPERATOR(pg_catalog.#) {xor(hashes[middle:])})"


def literal(text: str) -> str:
    """Return a string as an SQL literal that does not depend on ``standard_conforming_strings``."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in text else f"'{quoted}'"
