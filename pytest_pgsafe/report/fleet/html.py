"""The page of a fleet: its table, and a link to each member's own page. No script runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import quote

from markupsafe import Markup

from ...checks.evidence import count
from ...fleet.values import FleetResult
from ..html import asset, environment
from ..terminal import sample_text
from .overview import WORDS, block_text, cause_text, overview


def render(fleet: FleetResult, pages: Mapping[str, str]) -> str:
    """Return the page as an HTML document.

    :param pages: by member, where its own page lies, relative to this one.
    """
    source = files(__name__.rpartition(".")[0]).joinpath("fleet.html.j2").read_text(encoding="utf-8")
    functions = {"count": count, "cause_text": cause_text, "block_text": block_text, "sample_text": sample_text}
    return environment().from_string(source, globals=functions).render(
        fleet=fleet,
        found=overview(fleet),
        words=WORDS,
        style=Markup(asset("page.css")),  # noqa: S704 (our own file)
        pages={name: quote(path) for name, path in pages.items()},
    )  # fmt: skip
