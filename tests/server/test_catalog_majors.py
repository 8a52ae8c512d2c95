"""A restore into a newer major gives an equal catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog_rich import build, catalog, differences
from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.catalog.roles import create_roles_sql, existing_roles
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.discovery import WHEELS
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

#: Until 15 a column of a view's only relation is printed with a qualifier; each of these is another way to have one.
VIEWS = """
create table public.t (a integer, "B" integer, c rich.address);
create view public.v1 as
    select x.a, x."B", (x.c).street, x.*::text as whole, count(x.*) over (partition by x.a),
        exists (select 1 from public.t t2 where t2.a = x.a) as e
    from public.t x (a, "B", c);
create view public.v2 as select x from generate_series(1, 3) x where x > 1 order by x;
create view public.v3 as
    select q.a + 1 as a from (select a from public.t union select 3) q where q.a in (select a from public.t)
    group by q.a having max(q.a) > 2;
create view public.v4 as select column1 + column2 as s from (values (1, 2), (3, 4)) as "V q";
create view public.v5 as select a from public.t union all select "B" from public.t order by 1;
create view public.v6 as
    with w as (select a, extract(year from now()) y from public.t)
    select w.a, w.a is distinct from 3 as d from w limit 3;
create view public.v7 as select x.*, y.* from public.t x, lateral (select x.a + t.a as q from public.t) y;
create view public.v8 as select from public.t;
create view public.v9 as
    select rich.a, rich.a::rich.positive as p, rich.add(rich.a, 2) as s, 'rich.a' as l from public.t as rich;
create view public.v10 as select o, x from unnest(array[1, 2]) with ordinality as u (x, o);
create view public.v11 as select a from only public.t tablesample system (10) where a = 1 for update;
create view public.v12 as select 1 as one where 1 is distinct from 2;
create materialized view public.v13 as
    select distinct on (a) a, sum("B") filter (where a > 1) over w
    from public.t window w as (partition by a order by "B");
create view public.v14 as select a."B" from (public.t a join public.t b using (a));
create view public.v15 as select (select max(v.a) from public.t) as m from public.t v;
"""


@pytest.fixture(scope="module")
def newer(server: Server) -> Iterator[Server]:
    try:
        programs = find(path="", usual=(), wheels=WHEELS)
    except ServerError as error:
        pytest.skip(f"no second server: {error}")
    if programs.version.major <= server.version.major or server.kind != "local":
        pytest.skip(f"{programs.version} is not newer than {server.kind} {server.version}")
    with LocalServer.start(programs, reason="a newer major") as started:
        yield started


def test_a_restore_into_a_newer_major_is_equal(server: Server, newer: Server, tmp_path: Path) -> None:
    source = server.create("catalog_older")
    build(source)
    with connect(source, read_only=False) as connection:
        # The other server may be built without ICU.
        connection.execute("drop table if exists rich.folded; drop collation if exists rich.nocase")
        connection.execute(VIEWS.encode())
    before = catalog(source)
    archive = tmp_path / "older.dump"
    dumped = newer.programs.run("pg_dump", ["-Fc", f"--file={archive}"], address=source, files=[tmp_path])
    assert dumped.returncode == 0, dumped.stderr
    copy = newer.create("catalog_newer")
    with connect(copy, read_only=False) as connection:
        for statement in create_roles_sql(before.roles, existing_roles(connection)):
            connection.execute(statement)
    # What the older server stores for itself the newer pg_dump may take for options, which the newer server refuses.
    restore(recognise(archive), copy, newer.programs, stop=True)
    after = catalog(copy)
    assert differences(before, after) == {}
    assert {**after.roles} == {**before.roles}
    server.drop(source)
    newer.drop(copy)
