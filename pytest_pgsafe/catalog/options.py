"""The options that PostgreSQL documents. What else stands in an options column is a server's own, or an extension's.

A server may keep things for itself where options are kept (15.20 began so, with ``pg_attver`` in every column). They
are nobody's settings: another number in each table, and in each copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Place = Literal["column", "table", "index", "view"]

_AUTOVACUUM = frozenset({
    "autovacuum_enabled", "autovacuum_analyze_scale_factor", "autovacuum_analyze_threshold",
    "autovacuum_freeze_max_age",
    "autovacuum_freeze_min_age", "autovacuum_freeze_table_age", "autovacuum_multixact_freeze_max_age",
    "autovacuum_multixact_freeze_min_age", "autovacuum_multixact_freeze_table_age", "autovacuum_vacuum_cost_delay",
    "autovacuum_vacuum_cost_limit", "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_insert_threshold",
    "autovacuum_vacuum_max_threshold", "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold",
    "log_autovacuum_min_duration", "vacuum_index_cleanup", "vacuum_max_eager_freeze_failure_rate", "vacuum_truncate",
})  # fmt: skip
#: Those of a TOAST table have the prefix ``toast.``.
DOCUMENTED: Mapping[Place, frozenset[str]] = {
    "column": frozenset({"n_distinct", "n_distinct_inherited"}),
    "table": frozenset({
        "fillfactor", "parallel_workers", "toast_tuple_target", "user_catalog_table", *_AUTOVACUUM,
        *(f"toast.{name}" for name in _AUTOVACUUM),
    }),
    "index": frozenset({
        "autosummarize", "buffering", "deduplicate_items", "fastupdate", "fillfactor", "gin_pending_list_limit",
        "pages_per_range",
    }),
    "view": frozenset({"check_option", "security_barrier", "security_invoker"}),
}  # fmt: skip
#: From 15.20 on, in every column.
_INTERNAL = frozenset({"pg_attver"})
#: PostgreSQL keeps names that begin so to itself.
OWN = "pg_"


def is_documented(place: Place, name: str) -> bool:
    """Tell whether PostgreSQL documents an option of a column, table (or materialised view), index or view."""
    return name in DOCUMENTED[place]


def is_internal(name: str) -> bool:
    """Tell whether it is known that servers store an option for themselves, so that nobody has to be told."""
    return name in _INTERNAL


def is_own(name: str) -> bool:
    """Tell whether only a server can have put an option there, and no user."""
    return name.removeprefix("toast.").startswith(OWN)
