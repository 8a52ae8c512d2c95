"""What a scratch server could not be given is left out of the proof of the restore, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

from builders import DATABASE, catalog
from pytest_pgsafe.copy.restoring import Prepared, comparable
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.snapshot.values import NotVerified


def test_one_setting_that_failed_hides_no_other() -> None:
    source = replace(DATABASE, settings=("cron.host=x", "search_path=app, public"))
    prepared = Prepared(
        address=Address({}), owners=True, not_verified=(NotVerified(object="setting cron.host", reason="unknown"),)
    )
    found = comparable(catalog(database=source), prepared, catalog(database=DATABASE))
    assert found.database.settings == ("search_path=app, public",)
