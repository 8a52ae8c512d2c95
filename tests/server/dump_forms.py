"""Dumps in the forms that people have them, each made from a database of our own by the program that makes it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Programs, Server
from pytest_pgsafe.server.connection import connect

#: Roles belong to the server, which others may use too.
OWNER, READER, GUARDED = (f"{name}_{os.getpid()}" for name in ("Shop owner", "reader", "guarded"))
ROLES = (OWNER, READER, GUARDED)

SHOP = f"""
create schema sales;
create type sales.state as enum ('open', 'paid; \\! id');
create table public.customers (id int generated always as identity primary key, name text not null unique);
create table sales.orders (
    id serial primary key, customer_id int not null references public.customers, state sales.state not null,
    total numeric(10, 2) not null check (total >= 0), note text, at timestamptz not null default '2026-01-01'
);
create index on sales.orders (customer_id);
create view sales.open_orders as select * from sales.orders where state = 'open';
create function public.greet(text) returns text language sql as $$ select 'hello; ' || $1 || E'\\n\\\\! id' $$;
create function sales.added(a int, b int) returns int begin atomic select a + b; end;
comment on table public.customers is 'it''s; \\connect postgres';
insert into public.customers (name) select 'name ' || n || E'\\t;\\n\\\\.\\n' from generate_series(1, 40) as n;
insert into public.customers (name) values (E'\\\\connect postgres'), (E'back\\\\slash'), ('né ü');
insert into sales.orders (customer_id, state, total, note)
select id, 'open', id * 1.5, case when id % 3 = 0 then null else 'note ''' || id end from public.customers;
alter table sales.orders enable row level security;
create policy guarded on sales.orders for select to "{GUARDED}" using (total > 1);
grant select on public.customers to "{READER}";
grant usage on schema sales to "{READER}";
alter default privileges in schema sales grant select on tables to "{READER}";
alter table public.customers owner to "{OWNER}";
alter schema sales owner to "{OWNER}";
"""


@dataclass(frozen=True)
class Made:
    """What a form is made from."""

    programs: Programs
    source: Address
    folder: Path

    def dump(self, *options: str, name: str = "dump.sql", program: str = "pg_dump") -> Path:
        path = self.folder / name
        folder = "--format=directory" in options
        done = self.programs.run(
            program, [*options, *([f"--file={path}"] if folder else [])], address=self.source,
            stdout=None if folder else path, files=[path] if folder else [],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return path

    def text(self, *options: str) -> str:
        return self.dump(*options).read_text(encoding="utf-8")

    def write(self, content: str | bytes, name: str = "dump.sql") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def all(self) -> str:
        """Return what pg_dumpall writes of the cluster, and of this database alone."""
        globals_ = self.dump("--globals-only", "--database=service=pgsafe", program="pg_dumpall").read_text()
        head, tail = globals_.split("--\n-- PostgreSQL database cluster dump complete\n--")
        sections = [
            f'--\n-- Databases\n--\n\n--\n-- Database "template1" dump\n--\n\n\\connect template1\n\n{EMPTY}\n',
            f'--\n-- Database "{self.source.dbname}" dump\n--\n\n{self.text("--create")}\n',
            f'--\n-- Database "postgres" dump\n--\n\n\\connect postgres\n\n{EMPTY}\n',
        ]
        return f"{head}{''.join(sections)}--\n-- PostgreSQL database cluster dump complete\n--{tail}"


#: A database of a cluster with nothing in it.
EMPTY = """--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

--
-- PostgreSQL database dump complete
--
"""


def _lines(text: str, *patterns: str) -> str:
    """Return a text without lines."""
    return re.sub("|".join(f"(?:^{pattern}\\n)" for pattern in patterns), "", text, flags=re.MULTILINE)


def _rails(made: Made) -> Path:
    """As Rails' structure.sql: without comments, with its own rows at the end."""
    text = _lines(made.text("--schema-only"), r"--.*", r"\\(?:un)?restrict .*")
    return made.write(f"{text}\nSET search_path TO \"$user\", public;\n\nINSERT INTO public.schema_migrations VALUES\n"
                      "('20260101000000'),\n('20260102000000');\n".replace("public.schema_migrations VALUES",
                      "public.customers (name) VALUES"), "structure.sql")  # fmt: skip


def _dbmate(made: Made) -> Path:
    text = made.text("--schema-only")
    text = text[text.index("SET statement_timeout") :]
    rows = "".join(f"    ('migration {number}'),\n" for number in range(400))
    return made.write(
        f"\\restrict dbmate\n\n{_lines(text, r'.unrestrict .*')}\n\\unrestrict dbmate\n\n\n"
        f"--\n-- Dbmate schema migrations\n--\n\nINSERT INTO public.customers (name) VALUES\n{rows}    ('last');\n",
        "schema.sql",
    )


def _hosted(made: Made) -> Path:
    """As a hosted service's command writes it: every name quoted, nothing said of versions."""
    text = _lines(made.text("--quote-all-identifiers"), r"--.*", r"\\(?:un)?restrict .*")
    return made.write(f"\n\n\n{text}\n\n\nRESET ALL;\n", "hosted.sql")


def _zipped(made: Made) -> Path:
    path = made.folder / "dump.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(made.dump(), "backup/dump.sql")
    return path


def _program(program: str, suffix: str) -> Callable[[Made], Path]:
    def make(made: Made) -> Path:
        path = made.dump(*(["--format=custom"] if program == "lz4" else []))
        packed = path.with_name(f"dump{suffix}")
        packed.write_bytes(subprocess.run([program, "-c", path], capture_output=True, check=True).stdout)
        return packed

    return make


def _tarred(made: Made) -> Path:
    folder = made.dump("--format=directory", name="shop")
    with tarfile.open(made.folder / "shop.tar.gz", "w:gz") as tar:
        tar.add(folder, "shop")
    shutil.rmtree(folder)
    return made.folder / "shop.tar.gz"


def _part(made: Made) -> Path:
    """One database's part of pg_dumpall's file, as sed takes it out of it."""
    text = made.all()
    start = text.index(f'-- Database "{made.source.dbname}" dump')
    return made.write(text[start : text.index('-- Database "postgres" dump')])


def _without_create(made: Made) -> Path:
    return made.write(re.sub(r"^CREATE DATABASE .*\n", "", made.text("--create"), flags=re.MULTILINE))


def _appended(made: Made) -> Path:
    rows = "".join(f"INSERT INTO public.customers (name) VALUES ('appended {n}');\n" for n in range(200))
    return made.write(made.text() + rows)


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that is taken."""

    make: Callable[[Made], Path]
    #: Whether what is restored equals the source: False where rows are added, or left out.
    equal: bool = True
    #: Whether owners and privileges are in it.
    owners: bool = True


def _of(*options: str, name: str = "dump.sql") -> Callable[[Made], Path]:
    return lambda made: made.dump(*options, name=name)


def _recoded(encoding: str, *, end: str = "\n") -> Callable[[Made], Path]:
    return lambda made: made.write(made.text().replace("\n", end).encode(encoding))


FORMS = {
    "plain": Form(make=_of()),
    "plain called .dump": Form(make=_of(name="shop.dump")),
    "custom called .sql": Form(make=_of("--format=custom")),
    "custom called .backup": Form(make=_of("--format=custom", name="shop.backup")),
    "tar called .sql": Form(make=_of("--format=tar")),
    "directory": Form(make=_of("--format=directory", name="shop")),
    "rows as INSERT": Form(make=_of("--inserts")),
    "rows as INSERT with columns": Form(make=_of("--column-inserts", "--rows-per-insert=7")),
    "every name quoted": Form(make=_of("--quote-all-identifiers")),
    "LATIN1": Form(make=_of("--encoding=LATIN1")),
    "neither owners nor privileges": Form(make=_of("--no-owner", "--no-privileges"), owners=False),
    "rows appended behind the trailer": Form(make=_appended, equal=False),
    "structure of Rails": Form(make=_rails, equal=False),
    "schema of dbmate": Form(make=_dbmate, equal=False),
    "hosted service": Form(make=_hosted),
    "schemas by name": Form(make=_of("--schema=public", "--schema=sales")),
    "schemas by name, custom": Form(make=_of("--schema=public", "--schema=sales", "--format=custom")),
    "schemas by name, tar": Form(make=_of("--schema=public", "--schema=sales", "--format=tar")),
    "schemas by name, clean": Form(make=_of("--schema=public", "--schema=sales", "--clean")),
    "clean": Form(make=_of("--clean")),
    "clean if exists": Form(make=_of("--clean", "--if-exists")),
    "clean, custom": Form(make=_of("--clean", "--format=custom")),
    "create": Form(make=_of("--create")),
    "create, custom": Form(make=_of("--create", "--format=custom")),
    "create and clean": Form(make=_of("--create", "--clean")),
    "create without its CREATE DATABASE": Form(make=_without_create),
    "gzip": Form(make=lambda made: made.write(gzip.compress(made.dump().read_bytes()), "dump.sql.gz")),
    "gzip with Windows' line ends": Form(
        make=lambda made: made.write(gzip.compress(made.text("--no-comments").replace("\n", "\r\n").encode()), "d.gz"),
        equal=False,
    ),
    "custom in gzip": Form(
        make=lambda made: made.write(gzip.compress(made.dump("--format=custom").read_bytes()), "dump.gz")
    ),
    "tar in gzip called .sql": Form(
        make=lambda made: made.write(gzip.compress(made.dump("--format=tar").read_bytes()))
    ),
    "folder in tar.gz": Form(make=_tarred),
    "bzip2": Form(make=lambda made: made.write(bz2.compress(made.dump().read_bytes()), "dump.bz2")),
    "xz, custom": Form(make=lambda made: made.write(lzma.compress(made.dump("-Fc").read_bytes()), "dump.xz")),
    "zip": Form(make=_zipped),
    "zstd": Form(make=_program("zstd", ".sql.zst")),
    "lz4, custom": Form(make=_program("lz4", ".lz4")),
    "PowerShell's UTF-16": Form(make=_recoded("utf-16", end="\r\n"), equal=False),
    "UTF-16 without Windows' line ends": Form(make=_recoded("utf-16")),
    "with a byte order mark": Form(make=_recoded("utf-8-sig")),
    "cluster": Form(make=lambda made: made.write(made.all())),
    "cluster in gzip": Form(make=lambda made: made.write(gzip.compress(made.all().encode()), "all.sql.gz")),
    "part of a cluster's": Form(make=_part),
}  # fmt: skip


@contextmanager
def shop(server: Server) -> Iterator[Address]:
    """Make a database with owners, privileges and text that looks like psql's commands, and its roles."""
    address = server.create("shop")
    with connect(server.address(), read_only=False) as session:
        for role in ROLES:
            session.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
    with connect(address, read_only=False) as session:
        session.execute(SHOP.encode())
    yield address
    server.drop(address)
    with connect(server.address(), read_only=False) as session:
        for role in ROLES:
            session.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
