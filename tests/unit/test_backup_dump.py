r"""What a dump says of itself, and what is left of it when it is run."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest

from pytest_pgsafe.backup import admitted, complaints, edited
from pytest_pgsafe.backup.dump import Dump, is_script, of_text, read
from pytest_pgsafe.backup.statements import statement
from pytest_pgsafe.config.dump import is_dump
from pytest_pgsafe.errors import BackupError, ConfigError, RestoreError

HEAD = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 16.4 (Debian 16.4-1)\n"
WROTE = "-- Dumped by pg_dump version 18.1\n\nSET transaction_timeout = 0;\n"
END = "--\n-- PostgreSQL database dump complete\n--\n"
TABLE = "CREATE TABLE public.t (n integer);\n"


def said(text: str | bytes) -> Dump:
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return of_text(io.BufferedReader(content))  # type: ignore[arg-type]


def run(text: str, **wanted: object) -> str:
    """Return a script as it is run."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "given", Path(folder) / "run"
        path.write_text(text, encoding="utf-8")
        edited.write(path, target, edited.edits(said(text), **wanted))  # type: ignore[arg-type]
        return target.read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_versions_and_settings_whatever_the_encoding(encoding: str, end: str) -> None:
    one = said(f"{HEAD}{WROTE}{TABLE}{END}".replace("\n", end).encode(encoding))
    assert (str(one.server), str(one.pg_dump), one.least) == ("16.4", "18.1", 16)
    assert one.settings == (("transaction_timeout", 17),)
    assert one.cut is None


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ('ALTER TABLE public.t OWNER TO "Odd ""name"""', {'Odd "name"'}),
        ("alter table public.t\n  owner to Somebody", {"somebody"}),
        ("ALTER TABLE public.t OWNER TO CURRENT_USER", set()),
        ('ALTER SCHEMA "public" OWNER TO "pg_database_owner"', set()),
        ('GRANT ALL ON TABLE "public"."t" TO "anon"', {"anon"}),
        ("grant select (a, b), update (c) on public.t to one, GROUP two, public with grant option", {"one", "two"}),
        ("GRANT SELECT ON TABLE public.t TO boss WITH GRANT OPTION GRANTED BY lord", {"boss", "lord"}),
        ("REVOKE ALL ON TABLE public.t FROM former CASCADE", {"former"}),
        ('REVOKE GRANT OPTION FOR ALL ON "to" FROM "from"', {"from"}),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA s GRANT SELECT ON TABLES TO taker", {"maker", "taker"}),
        ("ALTER DEFAULT PRIVILEGES FOR USER a, b REVOKE ALL ON FUNCTIONS FROM PUBLIC", {"a", "b"}),
        ("CREATE SCHEMA x AUTHORIZATION joe", {"joe"}), ("create schema if not exists authorization joe", {"joe"}),
        ("SET SESSION AUTHORIZATION 'joe'", {"joe"}), ("SET ROLE joe", {"joe"}), ("SET ROLE NONE", set()),
        ("set session authorization default", set()), ("set local role to joe", {"joe"}),
        ("REASSIGN OWNED BY a TO b", {"a", "b"}),
        ("COMMENT ON TABLE t IS 'OWNER TO nobody'", set()), ("INSERT INTO t VALUES ('GRANT x TO y')", set()),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'OWNER TO nobody' $$", set()),
    ],
)  # fmt: skip
def test_roles_of_owners_and_privileges(text: str, roles: set[str]) -> None:
    assert set(said(f"{text};\n").roles) == roles
    assert statement(text).ownership is bool(roles) or text.startswith(("CREATE SCHEMA", "create schema")) or not roles


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("CREATE POLICY p ON public.t FOR SELECT TO one, \"Two\" USING ((x = 'TO three'))", {"one", "Two"}),
        ("create policy p on t to public using (true)", set()), ("CREATE POLICY p ON t WITH CHECK (true)", set()),
        ("ALTER POLICY p ON t TO other", {"other"}),
        ("CREATE USER MAPPING FOR mapped SERVER s", {"mapped"}),
        ("CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER s", set()),
    ],
)  # fmt: skip
def test_roles_that_no_option_leaves_out(text: str, roles: set[str]) -> None:
    one = said(f"{text};\n")
    assert set(one.bound) == set(one.roles) == roles


def test_roles_that_a_script_makes_are_not_made_before() -> None:
    text = (
        'CREATE ROLE one; create user "Two" login;\nDO $$ BEGIN CREATE ROLE three; EXCEPTION WHEN others THEN END $$;\n'
        'GRANT SELECT ON t TO one, "Two", three, four;\n'
    )
    assert said(text).roles == ("four",)


def test_extensions_and_databases() -> None:
    text = (
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;\ncreate extension pgcrypto;\n'
        "CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;\nCREATE PROCEDURAL LANGUAGE plpgsql;\n"
    )
    assert said(text).extensions == ("pgcrypto", "plpgsql", "uuid-ossp")
    assert "LANGUAGE" not in run(text)


CLEANED = (
    f"{HEAD}\nSET statement_timeout = 0;\nALTER TABLE ONLY public.t DROP CONSTRAINT c;\n"
    "CREATE OR REPLACE VIEW public.v AS\nSELECT NULL::integer AS n;\nDROP TABLE public.t;\nDROP SCHEMA public;\n"
    "--\n-- Name: public; Type: SCHEMA; Schema: -; Owner: x\n--\n\nCREATE SCHEMA public;\n\n\n"
    f"{TABLE}DROP TABLE IF EXISTS public.mine;\n{END}"
)


def test_what_clean_drops_is_left_out_and_nothing_else() -> None:
    ran = run(CLEANED)
    assert ran.splitlines().index("CREATE SCHEMA IF NOT EXISTS public;") == CLEANED.splitlines().index(
        "CREATE SCHEMA public;"
    )
    assert "DROP TABLE IF EXISTS public.mine;" in ran
    for gone in ("CONSTRAINT", "VIEW", "NULL::", "DROP SCHEMA", "DROP TABLE public.t"):
        assert gone not in ran
    # A script of one's own does what it says.
    assert "DROP TABLE public.t;" in run(CLEANED, foreign=False)


def test_a_dump_that_needs_nothing_stays_byte_for_byte() -> None:
    text = f"{HEAD}\\restrict abc\n{TABLE}COPY public.t (n) FROM stdin;\n1\n\\.\n{END}\\unrestrict abc\n"
    assert not edited.edits(said(text)).needed
    assert run(text) == text


def test_without_owners() -> None:
    text = (
        f"{TABLE}ALTER TABLE public.t OWNER TO a;\nGRANT ALL ON TABLE public.t TO b;\nSET SESSION AUTHORIZATION 'a';\n"
        'CREATE SCHEMA s AUTHORIZATION a;\nCREATE SCHEMA AUTHORIZATION "A b";\nCREATE POLICY p ON public.t TO c;\n'
        "COPY public.t (n) FROM stdin;\nALTER TABLE public.t OWNER TO a;\n\\.\n"
    )
    assert [line for line in run(text, owners=False).splitlines() if line] == [
        TABLE.strip(), "CREATE SCHEMA s;", 'CREATE SCHEMA "A b";', "CREATE POLICY p ON public.t TO c;",
        "COPY public.t (n) FROM stdin;", "ALTER TABLE public.t OWNER TO a;", "\\.",
    ]  # fmt: skip


def test_settings_go_where_the_server_does_not_know_them() -> None:
    text = f"{HEAD}{WROTE}SET lock_timeout = 0;\n{END}"
    assert "transaction_timeout" not in run(text, major=16)
    assert "lock_timeout" in run(text, major=16)
    assert "transaction_timeout" in run(text, major=17)


def test_one_database_by_whatever_name() -> None:
    for begin in ("\\connect shop", "\\c shop", '\\c "my shop"', "\\connect -reuse-previous=on \"dbname='my shop'\"",
                  "CREATE DATABASE shop;\nALTER DATABASE shop OWNER TO x;\n\\connect shop - localhost 5433",
                  "\\connect 'postgresql://somewhere/shop'"):  # fmt: skip
        ran = run(f"{begin}\n{TABLE}COMMENT ON DATABASE shop IS 'x';\n")
        assert ran.strip() == TABLE.strip(), begin


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"{TABLE}\\connect other\nSET x = 1;\n", 1), (f"\\connect a\n{TABLE}\\connect - joe\n{TABLE}", 1),
        (f"{TABLE}\\connect other\n{TABLE}", 2), (f"\\c a\n{TABLE}\\c b\n{TABLE}\\c a\n{TABLE}", 3),
    ],
)  # fmt: skip
def test_parts_that_fill_a_database(text: str, parts: int) -> None:
    one = said(text)
    assert one.text is not None
    assert len(one.text.filled) == parts
    if parts > 1:
        with pytest.raises(ConfigError, match="several databases"):
            admitted.alone(Path("dump.sql"), one)


WHOLE = f"{HEAD}\n{TABLE}COPY public.t (n) FROM stdin;\n1\n2\n\\.\n\nSELECT pg_catalog.setval('s', 1);\n\n{END}"


def test_a_dump_is_cut_wherever_it_is_cut() -> None:
    places = sorted(random.Random(7).sample(range(len(HEAD), len(WHOLE) - 8), 20))
    for place in places:
        with pytest.raises(BackupError, match="is cut"):
            admitted.whole(Path("dump.sql"), said(WHOLE[:place]))
    # What was appended has an end, too.
    more = WHOLE + "x" * 5000 + ";\nCOPY public.t (n) FROM stdin;\n1\n"
    assert "rows of a COPY have no end" in str(said(more).cut)
    assert said(more + "\\.\n").cut is None


def test_what_has_no_header_is_whole_as_far_as_psql_can_tell() -> None:
    assert said("create table t (n int)").cut is None
    for text in ("select 'a", "create table t (n", "COPY t FROM stdin;\n1\n", "create function f() as $$ a"):
        assert said(text).cut is not None, text


def test_a_packed_one_that_is_cut(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(WHOLE.encode())[:-9])
    with pytest.raises(RestoreError, match="damaged or cut"):
        read(tmp_path / "cut.gz")


@pytest.mark.parametrize(
    ("head", "is_sql"),
    [
        (b"create table t ();", True), (b"-- only a comment\n", True), (b"\\set ON_ERROR_STOP on\n", True),
        (b"\xef\xbb\xbfINSERT INTO t VALUES (1);", True), ("SELECT 1;".encode("utf-16"), True),
        (b"just text", False), (b"", False), (b"<html>", False), (b"\x7fELF\x02\x01", False), (b"{}", False),
        (b"/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `t`;", True),
    ],
)  # fmt: skip
def test_what_looks_like_sql(head: bytes, is_sql: bool) -> None:
    assert is_script(head) is is_sql


def test_what_is_a_dump_whatever_it_is_called() -> None:
    assert is_dump(b"PGDMP\x01\x0e")
    assert is_dump(gzip.compress(b"x"))
    assert is_dump(f"\ufeff{HEAD}".encode("utf-16-le"))
    assert not is_dump(b"create table t ();")


FAILED = """pg_restore: creating TABLE "public.t"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 214; 1259 16387 TABLE t app
pg_restore: error: could not execute query: ERROR:  role "app" does not exist
Command was: ALTER TABLE public.t OWNER TO app;


pg_restore: error: could not execute query: ERROR:  duplicate key value violates unique constraint "k"
DETAIL:  Key (n)=(secret) already exists.
Command was: INSERT INTO public.t VALUES ('secret');

pg_restore: warning: errors ignored on restore: 2
"""


def test_complaints_name_the_object_and_the_statement() -> None:
    first, second = map(str, complaints.of(FAILED))
    assert first.startswith("TABLE t app: ")
    assert first.endswith("[ALTER TABLE public.t OWNER TO app;]")
    assert second.endswith("[INSERT INTO public.t]")
    assert "secret" not in second
    assert complaints.remedies(FAILED) == ["the backup names the role app, which the server lacks"]


@pytest.mark.parametrize(
    "text",
    [
        'psql:x:1: ERROR:  relation "public.gone" does not exist',
        "pg_restore: error: could not execute query: ERROR:  column \"g\" can only be updated to DEFAULT",
        'psql:x:1: ERROR:  invalid input syntax for type integer: "invalid block, could not read, out of data"',
    ],
)  # fmt: skip
def test_no_remedy_without_its_cause(text: str) -> None:
    assert complaints.remedies(text) == []
