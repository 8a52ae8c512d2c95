"""Repositories as a source: the words that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.config import Options, forms, resolve
from pytest_pgsafe.config.values import Cluster, Engine
from pytest_pgsafe.errors import ConfigError


def test_words_of_a_source(tmp_path: Path) -> None:
    def read(text: str) -> Engine | None:
        return forms.source([text], base=tmp_path, origin="--pgsafe-source").engine

    assert read("pgbackrest:stanza=main dbname='my crm' set=20261122-194702F repo=2") == Engine(
        kind="pgbackrest", name="main", dbname="my crm", backup="20261122-194702F", repo=2
    )
    assert read("barman:server=main user=barman") == Engine(kind="barman", name="main", user="barman")
    for text, said in {
        "pgbackrest:stanza=main dbnme=crm": "did you mean dbname",
        "barman:server=main set=latest": "did you mean backup?",
        "pgbackrest:dbname=crm": "which stanza is not said",
        "pgbackrest:stanza=main password=secret": "stands in pgbackrest's own configuration",
        "barman:server=main config=nowhere.conf": "does not exist",
        "pgbackrest:stanza=": "has no value",
        "pgbackrest:main": "write pgbackrest:stanza=main",
    }.items():
        with pytest.raises(ConfigError) as raised:
            read(text)
        assert said in str(raised.value)
        assert "secret" not in str(raised.value)


def test_words_of_a_clusters_files(tmp_path: Path) -> None:
    def read(text: str) -> Cluster | None:
        return forms.source([text], base=tmp_path, origin="--pgsafe-source").cluster

    for name in ("base", "wal"):
        (tmp_path / name).mkdir()
    assert read("basebackup:base=base archive=wal dbname=crm") == Cluster(
        kind="basebackup", path=tmp_path / "base", archive=tmp_path / "wal", dbname="crm"
    )
    assert read("pgdata:data=base superuser=admin") == Cluster(kind="pgdata", path=tmp_path / "base", superuser="admin")
    for text, said in {
        "basebackup:archive=wal": "base is not said",
        "pgdata:data=nowhere": "the folder of data does not exist",
        "pgdata:data=base archive=wal": "pgdata knows no word 'archive'",
        "pgdata:base": "write pgdata:data=",
    }.items():
        with pytest.raises(ConfigError) as raised:
            read(text)
        assert said in str(raised.value)
    with pytest.raises(ConfigError, match="pgdata stands alone; 2 sources were given"):
        forms.source(["pgdata:data=base", "dbname=crm"], base=tmp_path, origin="--pgsafe-source")


def test_keys_of_a_source(tmp_path: Path) -> None:
    (tmp_path / "pgbackrest.conf").touch()
    (tmp_path / "pgsafe.toml").write_text(
        '[source]\npgbackrest = "stanza=main dbname=crm config=pgbackrest.conf"\njobs = 4\n', "utf-8"
    )
    found = resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path).source
    assert found is not None
    assert found.engine == Engine(kind="pgbackrest", name="main", dbname="crm", config=tmp_path / "pgbackrest.conf")
    assert (found.kind, found.jobs) == ("engine", 4)
    # A colon separates files in a variable, not what follows an engine's name.
    with pytest.raises(ConfigError, match="write pgbackrest:stanza=main"):
        resolve(Options(), environment={"PGSAFE_SOURCE": "pgbackrest:main"}, rootdir=tmp_path, invocation_dir=tmp_path)
    (tmp_path / "pgsafe.toml").write_text('[source]\nbarman = "server=main"\ndsn = "dbname=crm"\n', "utf-8")
    with pytest.raises(ConfigError, match="only one of them can be meant"):
        resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
