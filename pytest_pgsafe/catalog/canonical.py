"""One spelling for what PostgreSQL prints differently after a dump and a restore, or from one major to the next."""

from __future__ import annotations

import re

_CAST_ARRAY = "(ARRAY["
#: ``])::text[]``, ``])::character varying(10)[]``, ``])::public."My type"[]``.
_CAST = re.compile(r"\]\)::((?:\"(?:[^\"]|\"\")+\"|[\w$. ])+(?:\(\d+(?:,\d+)?\))?(?: (?:with|without) time zone)?)\[\]")
#: ``EXTRACT('Year' FROM …)`` is printed ``EXTRACT(Year FROM …)``, and restored from that text ``EXTRACT(year FROM …)``.
_FIELD = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\bEXTRACT\([^'\"()]+? FROM ")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[\[\](),]|[^'\"\[\](),]+")


def canonical(text: str) -> str:
    """Print an expression as PostgreSQL does once it was restored from what PostgreSQL printed."""
    if _CAST_ARRAY in text:
        text = _cast_elements(text)
    if "EXTRACT(" in text:
        # Not in a string or a quoted name.
        text = _FIELD.sub(lambda found: _folded(found[0]) if found[0].startswith("EXTRACT(") else found[0], text)
    return text


def _folded(field: str) -> str:
    """Fold an unquoted identifier as PostgreSQL's parser does: in most encodings, ASCII letters only."""
    name = field.removeprefix("EXTRACT(").removesuffix(" FROM ")
    return f"EXTRACT({''.join(letter.lower() if letter.isascii() else letter for letter in name)} FROM "


def _cast_elements(text: str) -> str:
    """Cast the elements instead of the array: ``(ARRAY['a'::x, 'b'::x])::text[]`` to ``ARRAY[('a'::x)::text, …]``.

    ``CHECK (status IN ('a', 'b'))`` over a varchar is printed the first way, and, once restored from that text, the
    second way: the parser of PostgreSQL moves the cast of an ARRAY constructor to its elements.
    """
    start = text.find(_CAST_ARRAY)
    while start >= 0:
        found = _elements(text, start + len(_CAST_ARRAY))
        if found is not None:
            elements, end = found
            cast = _CAST.match(text, end)
            if cast:
                inner = ", ".join(f"({element})::{cast[1]}" for element in elements)
                text = f"{text[:start]}ARRAY[{inner}]{text[cast.end() :]}"
        start = text.find(_CAST_ARRAY, start + 1)
    return text


def _elements(text: str, position: int) -> tuple[list[str], int] | None:
    """Split at the commas of the outermost level; return the elements and where the closing bracket is."""
    elements: list[str] = []
    depth, begin = 0, position
    for token in _TOKEN.finditer(text, position):
        match token[0]:
            case "(" | "[":
                depth += 1
            case "]" if depth == 0:
                elements.append(text[begin : token.start()].strip())
                return elements, token.start()
            case ")" | "]":
                depth -= 1
            case "," if depth == 0:
                elements.append(text[begin : token.start()].strip())
                begin = token.end()
            case _:
                pass
    return None


_SQL = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | [^\W\d][\w$]* | [\d.]+ | :: | \s+ | .""", re.VERBOSE | re.DOTALL
)
_AFTER_FROM = frozenset({"WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", ";"})
_SEVERAL = frozenset({",", "JOIN", "UNION", "INTERSECT", "EXCEPT"})
_QUERY = frozenset({"SELECT", "WITH", "VALUES"})


def unqualified(view: str) -> str:
    """Print a view's definition of 15 or older as 16 does: no qualifiers where there is one relation to select from.

    Until 15 a view's query had the relations OLD and NEW too, so every column was ``alias.column``. Queries inside it
    keep their qualifiers on all majors.
    """
    tokens = _SQL.findall(view)
    nested, depth = _levels(tokens)
    outer = [index for index, token in enumerate(tokens) if not depth[index] and not token.isspace()]
    start = next((index for index in outer if tokens[index] == "FROM"), None)
    if start is None:
        return view
    end = next((index for index in outer if index > start and tokens[index] in _AFTER_FROM), len(tokens))
    if any(tokens[index] in _SEVERAL for index in outer if index > start and (index < end or tokens[index] != ",")):
        return view
    alias = _alias([token for token in tokens[start + 1 : end] if not token.isspace()])
    if alias is None:
        return view
    padded = [*tokens, "", "", ""]
    result: list[str] = []
    skip = 0
    before = ""
    for index, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        qualifies = (
            token == alias
            and padded[index + 1] == "."
            and padded[index + 2] != "*"
            and padded[index + 3] != "("
            and before not in {".", "::", "COLLATE"}
            and not nested[index]
            and not start < index < end
        )
        if qualifies:
            skip = 1
        else:
            result.append(token)
        before = before if token.isspace() else token
    return "".join(result)


def _levels(tokens: list[str]) -> tuple[list[bool], list[int]]:
    """Tell of each token whether it is in a query inside the view's, and in how many parentheses."""
    nested: list[bool] = []
    depth: list[int] = []
    stack = [False]
    for index, text in enumerate(tokens):
        if text == ")":
            stack.pop()
        nested.append(stack[-1])
        depth.append(len(stack) - 1)
        if text == "(":
            following = next((later for later in tokens[index + 1 :] if not later.isspace()), "")
            stack.append(stack[-1] or following in _QUERY)
    return nested, depth


def _alias(source: list[str]) -> str | None:
    """Return the name that columns of the only item of a FROM clause are qualified with; None for a join."""
    # What stands in parentheses counts only if it is the item itself: a query, or else a join.
    flat: list[str] = []
    depth = 0
    for index, text in enumerate(source):
        depth -= text == ")"
        if not depth and text == "(":
            flat.append("query" if source[index + 1] in _QUERY else "(")
        elif not depth and text not in {"ONLY", "LATERAL", ")"}:
            flat.append(text)
        depth += text == "("
    if not flat or flat[0] == "(":
        return None
    name, rest = flat[0], flat[1:]
    while rest[:1] == ["."]:
        name, rest = rest[1], rest[2:]
    rest = rest[rest[:1] == ["("] :]
    rest = rest[2 * (rest[:2] == ["WITH", "ORDINALITY"]) :]
    # Keywords are printed in capitals, and a name that has capitals in quotes.
    given = bool(rest) and rest[0] != "(" and (rest[0].startswith('"') or not rest[0].isupper())
    return rest[0] if given else name
