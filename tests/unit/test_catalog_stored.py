"""What a server stored among options is taken out of definitions, exactly and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.backup import dump, edited
from pytest_pgsafe.catalog.stored import Option, documented, take_out

TABLE = b"""CREATE TABLE public.t (
    a integer DEFAULT 1,
    "SET (pg_attver=2);" text DEFAULT 'ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=3);'::text
)
WITH (fillfactor='70', zzz='a,b', toast.pg_new='1', autovacuum_enabled='false');
ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=29555736);
ALTER TABLE ONLY public.t ALTER COLUMN "SET (pg_attver=2);" SET (pg_attver=29555736, n_distinct=7);
"""


def test_a_table_keeps_its_options_and_its_length() -> None:
    text, taken = take_out(TABLE, lambda _: True)
    assert len(text) == len(TABLE)
    assert [(one.place, one.name, one.value) for one in taken] == [
        ("table", "zzz", "a,b"), ("table", "toast.pg_new", "1"),
        ("column", "pg_attver", "29555736"), ("column", "pg_attver", "29555736"),
    ]  # fmt: skip
    lines = [line.rstrip() for line in text.splitlines()]
    head = TABLE.splitlines()
    assert lines[:4] == head[:4]
    assert b" ".join(lines[4].split()) == b"WITH (fillfactor='70', autovacuum_enabled='false' );"
    assert lines[5] == b""
    assert b" ".join(lines[6].split()) == (
        b'ALTER TABLE ONLY public.t ALTER COLUMN "SET (pg_attver=2);" SET (n_distinct=7 );'
    )


def test_only_what_is_unwanted_goes() -> None:
    text, taken = take_out(TABLE, lambda option: option.name == "zzz")
    assert [one.name for one in taken] == ["zzz"]
    assert text.count(b"pg_attver=29555736") == 2
    assert b"toast.pg_new='1'" in text


@pytest.mark.parametrize(
    ("text", "expected", "option"),
    [
        (
            b"CREATE VIEW public.v WITH (zzz='1') AS\n SELECT 'WITH (zzz=1)';",
            b"CREATE VIEW public.v AS SELECT 'WITH (zzz=1)';", Option("view", "zzz", "1"),
        ),
        (
            b"CREATE INDEX i ON public.t USING gin (w) WITH (fastupdate=off, zzz='1');",
            b"CREATE INDEX i ON public.t USING gin (w) WITH (fastupdate=off );", Option("index", "zzz", "1", "gin"),
        ),
        (
            b"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k PRIMARY KEY (a) WITH (zzz='1');",
            b"ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (a) ;", Option("index", "zzz", "1", "btree"),
        ),
        (
            b'CREATE MATERIALIZED VIEW "a b".m\nWITH (zzz) AS\n SELECT 1\n  WITH NO DATA;',
            b'CREATE MATERIALIZED VIEW "a b".m AS SELECT 1 WITH NO DATA;', Option("table", "zzz", ""),
        ),
        (
            b"ALTER FOREIGN TABLE ONLY public.f ALTER COLUMN a SET (pg_attver=2);",
            b"", Option("column", "pg_attver", "2"),
        ),
    ],
)  # fmt: skip
def test_every_kind_that_has_options(text: bytes, expected: bytes, option: Option) -> None:
    without, taken = take_out(text, lambda _: True)
    assert (b" ".join(without.split()), taken) == (expected, (option,))


@pytest.mark.parametrize(
    "text",
    [
        b"ALTER TABLE ONLY p ATTACH PARTITION p1 FOR VALUES WITH (modulus 4, remainder 0);",
        b"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $_$begin\n"
        b"ALTER TABLE ONLY t ALTER COLUMN a SET (pg_attver=1);\nend$_$;",
        b"COMMENT ON TABLE t IS 'x;\nALTER TABLE ONLY t ALTER COLUMN a SET (pg_attver=1);\n';",
        b"CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO u VALUES (';CREATE TABLE t () WITH (zzz=1);');",
        b"ALTER TABLE ONLY t ALTER COLUMN a SET STATISTICS 5;",
        b"CREATE TABLE t (a int) WITH (fillfactor='70', toast.autovacuum_enabled='off');",
        b"ALTER TABLE ONLY t ALTER COLUMN a SET (n_distinct=-0.5, n_distinct_inherited=3);",
    ],
)
def test_what_only_looks_so_stays(text: bytes) -> None:
    assert take_out(text, lambda _: True) == (text, ())


PLAIN = rb"""--
-- PostgreSQL database dump
--

\restrict abc

SET standard_conforming_strings = on;

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.f() RETURNS text
    LANGUAGE sql
    AS $$
select 'it''s';
ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);
COPY public.t (a) FROM stdin;
$$;

CREATE TABLE public.t (
    a text
);
ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);

COPY public.t (a) FROM stdin;
it's
ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);
CREATE TABLE x () WITH (zzz='1');
\.

INSERT INTO public.t VALUES ('x;
ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);
');

CREATE INDEX i ON public.t USING btree (a) WITH (zzz='1');

\unrestrict abc
"""


def test_a_plain_dump_is_read_by_statements(tmp_path: Path) -> None:
    (tmp_path / "dump.sql").write_bytes(PLAIN)
    found = dump.read(tmp_path / "dump.sql").options
    assert [(one.place, one.name) for one in found] == [("column", "pg_attver"), ("index", "zzz")]
    edited.write(tmp_path / "dump.sql", tmp_path / "without.sql", edited.Edits(stored=frozenset(found)))
    expected = PLAIN
    for gone, before, after in (
        (b"ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);", b");\n", b"\n\nCOPY"),
        (b"WITH (zzz='1')", b"(a) ", b";"),
    ):
        expected = expected.replace(before + gone + after, before + b" " * len(gone) + after)
    assert (tmp_path / "without.sql").read_bytes() == expected
    assert expected.count(b"pg_attver") == PLAIN.count(b"pg_attver") - 1


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("CREATE INDEX i ON t USING btree (c) WITH (zzz='1')", "CREATE INDEX i ON t USING btree (c)"),
        (
            "CREATE INDEX i ON t USING btree (c) WITH (fillfactor='60', zzz='1') WHERE (c > 'WITH (zzz=1)'::text)",
            "CREATE INDEX i ON t USING btree (c) WITH (fillfactor='60') WHERE (c > 'WITH (zzz=1)'::text)",
        ),
        (
            "CREATE INDEX i ON t USING gin (c) WITH (fastupdate=off)",
            "CREATE INDEX i ON t USING gin (c) WITH (fastupdate=off)",
        ),
    ],
)
def test_a_definition_with_documented_options_alone(definition: str, expected: str) -> None:
    assert documented(definition) == expected
