"""Which PostgreSQL programs are found, and what is said when none are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import discovery
from pytest_pgsafe.server.discovery import Wheel, examine
from pytest_pgsafe.server.minors import dumping
from pytest_pgsafe.server.programs import LocalPrograms, clean, find
from pytest_pgsafe.server.version import Version


def folder_of_programs(folder: Path, version: str, *, without: str = "", dump: str | None = None) -> Path:
    """Make programs that say their version, as PostgreSQL's do; they are started for real."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_dump", "pg_restore", "psql"):
        if name == without:
            continue
        said = dump if name == "pg_dump" and dump is not None else version
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {said} (Debian {said}-1.pgdg120+1)'\n")
        program.chmod(0o755)
    return folder


def found(major: int | None, *folders: Path, usual: tuple[str, ...] = (), server: bool = True) -> LocalPrograms:
    return find(major, path=os.pathsep.join(map(str, folders)), usual=usual, wheels=(), server=server)


def test_first_on_path_without_a_major(tmp_path: Path) -> None:
    one, two = folder_of_programs(tmp_path / "1", "16.4"), folder_of_programs(tmp_path / "2", "15.8")
    assert found(None, one, two).folder == one
    assert found(None, two, one).version == Version(150008)


def test_required_major_before_the_order_of_path(tmp_path: Path) -> None:
    one, two = folder_of_programs(tmp_path / "1", "17.1"), folder_of_programs(tmp_path / "2", "15.8")
    programs = found(15, one, two)
    assert programs.folder == two
    assert programs.found_by == "PATH"


def test_lowest_newer_major_where_the_required_one_is_missing(tmp_path: Path) -> None:
    folders = [folder_of_programs(tmp_path / version, version) for version in ("18.1", "14.20", "16.4", "17.1")]
    assert found(15, *folders).version.major == 16


def test_older_major_never_does(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="no PostgreSQL 15") as raised:
        found(15, folder_of_programs(tmp_path / "14", "14.20"))
    assert raised.value.looked_at == (f"PATH: {tmp_path / '14'}: 14.20",)


def test_path_before_usual_places(tmp_path: Path) -> None:
    folder_of_programs(tmp_path / "usual" / "16" / "bin", "16.4")
    folder_of_programs(tmp_path / "usual" / "9" / "bin", "16.3")
    on_path = folder_of_programs(tmp_path / "1", "16.2")
    pattern = f"{tmp_path}/usual/*/bin"
    assert found(16, on_path, usual=(pattern,)).folder == on_path
    assert found(None, usual=(pattern,)).version == Version(160004)


def test_links_on_path_are_followed_to_the_folder(tmp_path: Path) -> None:
    real = folder_of_programs(tmp_path / "real", "16.4")
    links = tmp_path / "links"
    links.mkdir()
    (links / "initdb").symlink_to(real / "initdb")
    assert found(16, links).folder == real


def test_wrapper_of_debian_is_never_used(tmp_path: Path) -> None:
    wrapper = tmp_path / "postgresql-common" / discovery.WRAPPER
    wrapper.parent.mkdir()
    wrapper.write_text("#!/bin/sh\necho 'psql (PostgreSQL) 16.4'\n")
    wrapper.chmod(0o755)
    wrapped = tmp_path / "bin"
    wrapped.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (wrapped / name).symlink_to(wrapper)
    for server in (True, False):
        with pytest.raises(ServerError, match="no PostgreSQL 16"):
            found(16, wrapped, server=server)
    # A folder that has the real server and the wrapped clients is none either.
    mixed = folder_of_programs(tmp_path / "mixed", "16.4", without="psql")
    (mixed / "psql").symlink_to(wrapper)
    assert examine(mixed) == f"psql is Debian's {discovery.WRAPPER}"


def test_clients_alone_do_for_an_existing_server(tmp_path: Path) -> None:
    clients = folder_of_programs(tmp_path / "1", "16.4", without="postgres")
    (clients / "initdb").unlink()
    assert found(16, clients, server=False).folder == clients
    with pytest.raises(ServerError):
        found(16, clients)
    assert examine(clients) == "no postgres"


@pytest.mark.parametrize(
    ("program", "script", "reason"),
    [
        ("postgres", "echo broken; exit 1", "does not run: exit status 1"),
        ("postgres", "echo 'libxml2.so.2: cannot open shared object file' >&2; exit 127", "libxml2.so.2"),
        ("pg_dump", "echo hello", "--version says 'hello'"),
    ],
)
def test_program_that_does_not_run(tmp_path: Path, program: str, script: str, reason: str) -> None:
    folder = folder_of_programs(tmp_path / "bin", "16.4")
    (folder / program).write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(ServerError) as raised:
        found(None, folder)
    assert reason in raised.value.looked_at[0]
    assert str(folder) in raised.value.looked_at[0]


def test_programs_of_different_versions(tmp_path: Path) -> None:
    assert examine(folder_of_programs(tmp_path / "bin", "16.4", dump="15.3")) == (
        "programs of different versions: postgres 16.4, pg_dump 15.3"
    )


def test_nothing_at_all_says_where_it_looked_and_what_to_do() -> None:
    with pytest.raises(ServerError) as raised:
        find(
            16,
            path="",
            usual=("/nowhere/*/bin",),
            wheels=(Wheel(distribution="celerp-x", module="no_such_module", locate=lambda package: package),),
        )
    text = str(raised.value)
    assert "no PostgreSQL 16 (or newer) programs on this machine" in text
    assert "looked at: PATH: no postgres in (empty)" in text
    assert "looked at: usual place: no folder /nowhere/*/bin" in text
    assert "looked at: wheels: none installed of celerp-x" in text
    for remedy in (
        "apt-get install postgresql",
        "pip install 'pytest-pgsafe[server]'",
        "Docker",
        "--pgsafe-server=URI",
    ):
        assert remedy in text


def test_wheel_is_a_folder_of_programs_and_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pgsafe_test_wheel"
    folder = folder_of_programs(package / "pginstall" / "bin", "18.6")
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    wheel = Wheel(distribution="some-wheel", module="pgsafe_test_wheel", locate=discovery._beside)
    programs = find(17, path="", usual=(), wheels=(wheel,))
    assert programs.folder == folder
    assert programs.found_by == "wheel some-wheel"


def test_wheel_with_an_archive_is_unpacked_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    if not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python cannot unpack safely")
    monkeypatch.setattr(discovery.cache, "folder", lambda: tmp_path)
    folder_of_programs(tmp_path / "made" / "postgresql-16.4.0-x" / "bin", "16.4")
    package = tmp_path / "package"
    package.mkdir()
    with tarfile.open(package / "postgresql-16.4.0-x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "made" / "postgresql-16.4.0-x", "postgresql-16.4.0-x")
    unpacked = discovery._unpacked(package)
    assert unpacked == tmp_path / "wheel-postgresql-16.4.0-x" / "postgresql-16.4.0-x" / "bin"
    assert examine(unpacked) == Version(160004)
    assert discovery._unpacked(tmp_path / "made") is None
    assert sorted(path.name for path in package.iterdir()) == ["postgresql-16.4.0-x.tar.gz"]


@pytest.mark.parametrize("with_bin", [True, False])
def test_explicit_folder(tmp_path: Path, with_bin: bool) -> None:
    folder_of_programs(tmp_path / "pg" / "bin", "16.4")
    programs = find(15, bin_dir=tmp_path / "pg" / "bin" if with_bin else tmp_path / "pg")
    assert programs.folder == tmp_path / "pg" / "bin"
    assert programs.found_by == "setting"


def test_explicit_folder_that_is_wrong_is_an_error_even_where_others_are_found(tmp_path: Path) -> None:
    good = folder_of_programs(tmp_path / "good", "16.4")
    with pytest.raises(ServerError, match="holds no PostgreSQL programs: no postgres") as raised:
        find(16, bin_dir=tmp_path / "nowhere", path=str(good))
    assert raised.value.looked_at == (str(tmp_path / "nowhere"),)
    with pytest.raises(ServerError, match=r"holds PostgreSQL 16\.4, older than the 17"):
        find(17, bin_dir=good)


def test_environment_of_programs_names_no_server() -> None:
    cleaned = clean(
        {"PGHOST": "h", "PGPASSWORD": "p", "PGSERVICE": "s", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "HOME": "/h"}
    )
    assert cleaned == {"HOME": "/h", "LC_CTYPE": "de_DE.UTF-8", "LC_MESSAGES": "C"}


@pytest.mark.parametrize(
    ("source", "at_hand", "dumps"),
    [
        ("15.20", "15.20", "at hand"),
        ("15.20", "15.21", "at hand"),
        # What is a minor behind writes what the source's server stores for itself.
        ("15.20", "15.18", "15.20"),
        ("15.20", "17.10", "15.20"),
        ("15.19", "17.10", "15.20"),
        ("15.18", "15.18", "at hand"),
        # None here knows it.
        ("15.21", "15.18", "at hand"),
        ("16.4", "17.10", "at hand"),
        # Its pg_restore would not read what a newer one writes.
        ("17.10", "15.20", "at hand"),
    ],
)
def test_a_server_is_dumped_by_programs_of_its_minor(tmp_path: Path, source: str, at_hand: str, dumps: str) -> None:
    folders = [folder_of_programs(tmp_path / version, version) for version in ("15.18", "15.20", "16.2", "17.10")]
    own = LocalPrograms(folder_of_programs(tmp_path / "own", at_hand), Version.parse(at_hand), found_by="test")
    path = os.pathsep.join(map(str, folders))
    chosen = dumping(Version.parse(source), own, path=path, usual=(), wheels=())
    assert chosen.origin == str(own.folder if dumps == "at hand" else tmp_path / dumps)
