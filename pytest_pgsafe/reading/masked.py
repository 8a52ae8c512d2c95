"""Statements without the values that are written in them."""

from __future__ import annotations

from .tokens import tokens

VALUE = "…"


def masked(text: str) -> str:
    """Return a statement without its strings and numbers; names stay.

    What follows a string that does not end, since the text was cut, is left out, and so is what follows a comment: in
    one line, nobody knows where it ends.
    """
    parts: list[str] = []
    position = 0
    for token in tokens(text):
        parts.append(text[position : token.start])
        position = token.end
        # Neither a parameter ($1) nor a string that ends.
        comment = text[token.start : token.start + 2] in {"--", "/*"}
        if comment or token.text in {"'", '"'} or (token.text == "$" and not text[token.end : token.end + 1].isdigit()):
            return "".join([*parts, VALUE])
        if token.kind == "text":
            parts.append(f"'{VALUE}'")
        else:
            parameter = token.start > 0 and text[token.start - 1] == "$"
            value = token.kind == "number" and not parameter
            parts.append(VALUE if value else text[token.start : token.end])
    return "".join([*parts, text[position:]])
