"""The pytest plugin: hooks, options, fixtures and collected items. The only room that imports pytest.

This module is what every pytest run loads, so it imports nothing but pytest; the feature itself is loaded when
``--pgsafe`` turns it on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .fixtures import (
    pgsafe_backup,
    pgsafe_database,
    pgsafe_recovered,
    pgsafe_rehearsal,
    pgsafe_restore,
    pgsafe_server,
    pgsafe_snapshot,
    pgsafe_source,
    pgsafe_verify,
)
from .marker import DESCRIPTION, SKIPPED, mark
from .off import Off

if TYPE_CHECKING:
    import pytest

__all__ = [
    "pgsafe_backup",
    "pgsafe_database",
    "pgsafe_recovered",
    "pgsafe_rehearsal",
    "pgsafe_restore",
    "pgsafe_server",
    "pgsafe_snapshot",
    "pgsafe_source",
    "pgsafe_verify",
    "pytest_addoption",
    "pytest_configure",
    "pytest_itemcollected",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the contract; what they mean beside environment and file is for the settings to say."""
    group = parser.getgroup("pgsafe", "PostgreSQL migrations rehearsed on a restored backup (pgsafe)")
    group.addoption("--pgsafe", action="store_true", default=False, help="rehearse, and collect the checks (PGSAFE=1)")
    group.addoption(
        "--pgsafe-source",
        action="append",
        default=[],
        metavar="X",
        help="what to protect: a libpq URI or conninfo, a backup or plain dump, or .sql files in order (repeatable)",
    )
    group.addoption(
        "--pgsafe-migration",
        metavar="X",
        help="a .sql file or a folder of them, alembic.ini, manage.py, NAME:PATH with a tool's name, or cmd:COMMAND",
    )
    group.addoption("--pgsafe-rollback", metavar="X", help="the way back, in the same forms")
    group.addoption(
        "--pgsafe-server", metavar="X", help="scratch server: auto, container, local, or a URI of an existing one"
    )
    group.addoption(
        "--pgsafe-major", metavar="N", help="restore into this major of PostgreSQL, and judge what is different there"
    )
    group.addoption("--pgsafe-image", metavar="NAME", help="container image; default: the official one of the major")
    group.addoption(
        "--pgsafe-report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report: .json, .md, .html, .sarif, .ctrf.json or .codequality.json (repeatable)",
    )
    group.addoption("--pgsafe-config", metavar="FILE", help="another configuration file than pgsafe.toml in rootdir")
    group.addoption(
        "--pgsafe-strict",
        action="store_true",
        default=False,
        help="notes of behaviour changes and everything not verified become errors",
    )
    group.addoption(
        "--pgsafe-update", action="store_true", default=False, help="write the observed effects as the baseline"
    )
    group.addoption("--pgsafe-keep", action="store_true", default=False, help="keep the scratch server after a failure")
    group.addoption(
        "--pgsafe-static",
        action="store_true",
        default=False,
        help="read the migration's statements instead: no server, no source (PGSAFE_STATIC=1)",
    )
    group.addoption(
        "--pgsafe-from", metavar="REV", help="migration files up to this revision are applied in the source already"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the feature if it is on; else what says that it is off."""
    config.addinivalue_line("markers", DESCRIPTION)
    named = config.getoption("pgsafe") or config.getoption("pgsafe_static")
    # A worker of xdist on another machine has another environment than its controller.
    named = named or "pgsafe" in getattr(config, "workerinput", ())
    if (named or os.environ.get("PGSAFE") or os.environ.get("PGSAFE_STATIC")) and _registered(config):
        return
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Off(config), "pgsafe-off")


def _registered(config: pytest.Config) -> bool:
    """Register the feature if it is on, and return whether it is."""
    from .loading import undisturbed

    with undisturbed():
        from .feature import register
    return register(config)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what uses our fixtures; skip a marked test while the feature is off."""
    feature = item.config.pluginmanager.get_plugin("pgsafe-feature")
    mark(item, off=SKIPPED if feature is None else feature.without(item))
