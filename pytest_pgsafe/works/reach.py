"""Functions that reach out of their transaction, where no rollback undoes what they do (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..catalog.names import bare, unquoted
from ..catalog.values import Catalog

_WORDS = re.compile(r'"(?:[^"]|"")+"|\w+')
#: Of functions that are not the database's own: other sessions, other machines, programs, jobs.
_REACHES = re.compile(
    r"\b(?P<what>dblink\w*|http_\w+|net\.http_\w+|pg_background_\w+|cron\.\w+|aws_\w+\.\w+|pg_terminate_backend"
    r"|pg_cancel_backend|pg_reload_conf|pg_write_file|pg_file_\w+|lo_export|pg_advisory_lock\w*"
    r"|copy\b[^;]*\b(?:to|from)\s+(?:program\b|'))",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"^ LANGUAGE (?P<language>\S+)", re.MULTILINE)
#: What else a database's functions are written in may do anything.
_KEPT_WITHIN = frozenset({"sql", "plpgsql", "internal", "c"})


def reaching_out(catalog: Catalog, functions: Iterable[str]) -> str | None:
    """Return why functions, or those that they call by name, may do what no rollback undoes; None if they do not."""
    named = _by_word(catalog)
    seen: set[str] = set()
    waiting = sorted(functions)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in catalog.functions:
            continue
        seen.add(name)
        definition = catalog.functions[name].definition
        language = _LANGUAGE.search(definition)
        if language is not None and unquoted(language["language"]).lower() not in _KEPT_WITHIN:
            return f"{name} is written in {language['language']}, whose effects are not undone"
        reaches = _REACHES.search(definition)
        if reaches is not None:
            return f"{name} calls {reaches['what'].split()[0]}, whose effects are not undone"
        waiting += [
            other for word in set(_WORDS.findall(definition)) for other in named.get(unquoted(word).lower(), ())
        ]
    return None


def _by_word(catalog: Catalog) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in catalog.functions:
        found.setdefault(unquoted(bare(name.partition("(")[0])).lower(), []).append(name)
    return found
