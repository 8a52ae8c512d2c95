"""What psql takes from a plain dump that others wrote: nothing of its own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pytest_pgsafe.backup.psql import commands, guarded
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.server.capabilities import RESTRICT
from pytest_pgsafe.server.version import Version

NEW, OLD = Version.parse("15.20"), Version.parse("15.13")
HEAD = b"--\n-- PostgreSQL database dump\n--\n\n"
END = b"\n--\n-- PostgreSQL database dump complete\n--\n\n"


@pytest.mark.parametrize(
    "text",
    [
        rb"select '\! id';",
        rb"select E'it\'s \! id';",
        rb"select e'\\', 'a';",
        b"select $$\n\\! id\n$$, $body$ \\! $$ $body$;",
        b'create table "\\! id" (n int);',
        b"-- \\! id\nselect 1; /* \\! /* \\! */ \\! */",
        b"COPY public.t (a, b) FROM stdin;\n\\N\t\\\\! id\n\\! id\n\\.\n\nselect 1;",
        b"COPY public.t FROM stdin;\n\\.\n",
        b"create function f() returns int language sql\nbegin atomic select case when true then 1 end; end;\n"
        b"COPY public.t (a) FROM stdin;\n\\\\x\n\\.\n",
        b"\\restrict aB1\nselect 1;\n\\unrestrict aB1\n",
    ],
)
def test_what_hides_a_backslash(text: bytes) -> None:
    assert list(commands(io.BytesIO(HEAD + text + END))) == []


@pytest.mark.parametrize(
    "text",
    [
        b"\\! id\n",
        b"select 1 \\g | id\n",
        b"select 1; \\copy t from program 'id'\n",
        b"\xef\xbb\xbf\\! id\n",
        # psql ends a comment at a carriage return too.
        b"-- nothing\r\\! id\n",
        b"select '''' \\! id\n",
        b"select $a$ x $a$ \\! id\n",
        b"select a$$b \\! id\n",
        b"COPY public.t FROM stdin;\n1\n\\.\n\\! id\n",
        # No rows follow these, whatever they look like.
        b"select (\nCOPY public.t FROM stdin;\n\\! id\n",
        b"create function f() returns int language sql begin atomic select 1;\nCOPY t FROM stdin;\n\\! id\n\\.\nend;",
        b"insert into copy values (1);\n\\set x `id`\n",
        b"\\restrict `id`\n",
        b"\\unrestrict `id`\n",
        b"\\restrict a; \\! id\n",
    ],
)
def test_what_does_not(text: bytes) -> None:
    assert len(list(commands(io.BytesIO(HEAD + text + END)))) >= 1


def test_an_old_psql_is_given_nothing_that_holds_a_command(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"select 1;\n\\! id > /tmp/x\n" + END)
    with pytest.raises(RestoreError) as refused, guarded(dump, OLD):
        pass
    assert "psql 15.13 would take a command from it" in refused.value.message
    assert refused.value.looked_at == (f"{dump}:6: \\! id > /tmp/x",)
    assert any("psql 15.14 and newer" in remedy for remedy in refused.value.remedies)


def test_an_old_psql_does_not_know_the_pair_of_a_newer_pg_dump(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"\\restrict abc\n\nselect 1;\n" + END + b"\\unrestrict abc\n\n")
    with guarded(dump, OLD) as guard:
        assert guard.arguments == (f"--file={guard.path}",)
        assert guard.path.read_bytes() == HEAD + b"--estrict abc\n\nselect 1;\n" + END + b"--nrestrict abc\n\n"
    assert not guard.path.exists()
    assert dump.read_bytes().startswith(HEAD + b"\\restrict")


@pytest.mark.parametrize("version", [NEW, Version.parse("18.0"), *RESTRICT.values()], ids=str)
def test_a_psql_that_can_be_restricted_is(tmp_path: Path, version: Version) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"select 1;\n\\! id\n" + END)
    with guarded(dump, version) as guard:
        assert guard.path == dump
        assert guard.arguments[0] == "-c"
        assert guard.arguments[1].startswith("\\restrict ")
        first = guard.arguments
    with guarded(dump, version) as guard:
        assert guard.arguments != first


def test_its_own_pair_is_believed_only_around_the_whole(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"\\restrict abc\n\nselect 1;\n" + END + b"\\unrestrict abc\n\n")
    with guarded(dump, NEW) as guard:
        assert guard.arguments == (f"--file={dump}",)
    for text in (
        b"\\restrict abc\nselect 1;\n\\unrestrict abc\n\\! id\n" + END,
        b"\\restrict abc\nselect 1;\n\\unrestrict abc\n\\! id\n" + END + b"\\unrestrict abc\n",
        b"select 1;\n\\restrict abc\n\\unrestrict abc\n" + END,
    ):
        dump.write_bytes(HEAD + text)
        with guarded(dump, NEW) as guard:
            assert guard.arguments[0] == "-c"
            assert guard.path.read_bytes().count(b"\\unrestrict abc") == text.count(b"\\unrestrict") - (
                guard.path != dump and text.endswith(b"\\unrestrict abc\n")
            )


@pytest.mark.parametrize("line", [b"\\unrestrict `id`", b"\\unrestrict x`id`y", b'\\unrestrict "a" `id`'])
@pytest.mark.parametrize("version", [NEW, Version.parse("17.10")], ids=str)
def test_no_command_stands_in_place_of_the_key(tmp_path: Path, line: bytes, version: Version) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"\\restrict abc\nselect 1;\n" + line + b"\n" + END)
    with pytest.raises(RestoreError) as refused, guarded(dump, version):
        pass
    assert refused.value.looked_at == (f"{dump}:7: {line.decode()}",)


def test_rows_may_speak_of_it(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(HEAD + b"COPY t FROM stdin;\nuse \\\\unrestrict `key`\n\\.\n" + END)
    with guarded(dump, NEW) as guard:
        assert guard.path == dump
