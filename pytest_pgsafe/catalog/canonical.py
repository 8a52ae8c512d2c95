"""One spelling for expressions that PostgreSQL prints differently after a dump and a restore."""

from __future__ import annotations

import re

_CAST_ARRAY = "(ARRAY["
#: ``])::text[]``, ``])::character varying(10)[]``, ``])::public."My type"[]``.
_CAST = re.compile(r"\]\)::((?:\"(?:[^\"]|\"\")+\"|[\w$. ])+(?:\(\d+(?:,\d+)?\))?(?: (?:with|without) time zone)?)\[\]")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[\[\](),]|[^'\"\[\](),]+")


def canonical(text: str) -> str:
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
