"""A column that was announced to move to another table: each of its values is looked for there by its row's key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import Bench
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.config.expectations import Moved
from pytest_pgsafe.server.base import Server

SCHEMA = """
create table public.customer (id integer primary key, email varchar(60), city text);
create table public.line (sale integer, no integer, remark text, primary key (sale, no));
create table public.loose (who text, email text);
insert into public.customer
    select n, case when n % 5 > 0 then 'c' || n || '@example.org' end, 'city ' || n % 7 from generate_series(1, 60) n;
insert into public.line select n / 3, n % 3, 'remark ' || n from generate_series(0, 30) n;
insert into public.loose select 'w' || n, 'e' || n from generate_series(1, 5) n;
"""
EMAIL, CITY = "public.customer.email", "public.customer.city"
CONTACT = "create table contact (id bigserial primary key, customer_id bigint, email text, kind text default 'home');"
KEY = "alter table contact add foreign key (customer_id) references customer;"
COPY = "insert into contact (customer_id, email) select id, email from customer where email is not null"
DROP = "alter table customer drop column email;"
CITIES = """
create table city (id serial primary key, name text);
insert into city (name) select distinct city from customer;
alter table customer add column city_id integer;
update customer set city_id = city.id from city where city.name = customer.city;
"""


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    schema = tmp_path_factory.mktemp("moved") / "schema.sql"
    schema.write_text(SCHEMA)
    found = Bench.load(server, [schema], role=server.address().user)
    yield found
    server.drop(found.before)


def judged(
    bench: Bench, folder: Path, migration: str, to: str, via: str | None = None, column: str = EMAIL
) -> list[Finding]:
    """Return what is said of the column that was moved."""
    (folder / "m.sql").write_text(f"set search_path = public;\n{migration}")
    rule = Moved(column=column, to=to, via=via, reason="several for each")
    found = bench.judge(folder / "m.sql", Rules(moved=(rule,)))
    return [one for one in found if one.object == column]


@pytest.mark.parametrize(
    ("migration", "to", "via", "column"),
    [
        pytest.param(f"{CONTACT}{KEY}{COPY};{DROP}", "contact.email", None, EMAIL, id="by the foreign key"),
        pytest.param(f"{CONTACT}{COPY};{DROP}", "contact.email", "contact.customer_id", EMAIL, id="by the key itself"),
        pytest.param(
            f"{CONTACT}{KEY}{COPY};insert into contact (customer_id, email, kind) select id, 'other' || id, 'work' from"
            f" customer;{DROP} alter table customer rename column id to number; alter table customer rename to client;",
            "contact.email", "contact.customer_id", EMAIL, id="several for each, and new names",
        ),
        pytest.param(
            f"{CITIES} alter table customer add foreign key (city_id) references city, drop column city;",
            "city.name", "customer.city_id", CITY, id="the old table names the row",
        ),
        pytest.param(
            f"{CITIES} alter table customer drop column city;", "public.city.name", "customer.city_id", CITY,
            id="without a foreign key",
        ),
        pytest.param(
            "create table note (sale bigint, no smallint, body text, foreign key (sale, no) references line);"
            "insert into note select sale, no, remark from line; alter table line drop column remark;",
            "note.body", None, "public.line.remark", id="a key of two columns",
        ),
        pytest.param(
            f"alter table customer add column mail text; update customer set mail = email; {DROP}",
            "customer.mail", None, EMAIL, id="within the table",
        ),
    ],
)  # fmt: skip
def test_every_value_is_there(
    bench: Bench, tmp_path: Path, migration: str, to: str, via: str | None, column: str
) -> None:
    found = judged(bench, tmp_path, migration, to, via, column)
    [note] = found
    assert (note.code, note.severity, note.reason) == ("PGS203", Severity.NOTE, "several for each")
    assert "each of them is in public." in note.message


@pytest.mark.parametrize(
    ("migration", "to", "via", "column", "key"),
    [
        pytest.param(
            f"{CONTACT}{COPY} and id <> 17;{DROP}",
            "contact.email", "contact.customer_id", EMAIL, {"id": "17"}, id="one",
        ),
        pytest.param(
            f"{CONTACT}{COPY}; update contact set email = upper(email) where customer_id = 9;{DROP}",
            "contact.email", "contact.customer_id", EMAIL, {"id": "9"}, id="in other letters",
        ),
        pytest.param(
            f"{CONTACT}{COPY}; update contact set email = null where customer_id = 8; drop table customer;",
            "contact.email", "contact.customer_id", EMAIL, {"id": "8"}, id="its table is gone",
        ),
        pytest.param(
            f"{CONTACT}{COPY}; update contact set customer_id = 11 where customer_id = 12;{DROP}",
            "contact.email", "contact.customer_id", EMAIL, {"id": "12"}, id="at another row",
        ),
        pytest.param(
            f"{CITIES} update customer set city_id = null where id = 3; alter table customer drop column city;",
            "city.name", "customer.city_id", CITY, {"id": "3"}, id="no longer named",
        ),
    ],
)  # fmt: skip
def test_a_value_that_is_not_there_is_an_error_with_its_key(
    bench: Bench, tmp_path: Path, migration: str, to: str, via: str, column: str, key: dict[str, str]
) -> None:
    [lost] = judged(bench, tmp_path, migration, to, via, column)
    assert (lost.code, lost.check, lost.severity) == ("PGS007", "values", Severity.ERROR)
    assert "1 value of it cannot be read" in lost.message
    [sample] = lost.samples
    assert (sample.key, list(sample.before or {}), sample.after) == (key, [column.rpartition(".")[2]], None)


@pytest.mark.parametrize(
    ("migration", "to", "column", "told"),
    [
        (f"{CONTACT}{KEY}{COPY};", "contact.email", EMAIL, "it is still there"),
        (f"{CONTACT}{KEY}{KEY.replace('customer_id', 'id')}{COPY};{DROP}", "contact.email", EMAIL, "several"),
        (f"{CONTACT} alter table loose drop column email;", "contact.email via", "public.loose.email", "has no key of"),
    ],
)
def test_a_move_that_cannot_be_followed_is_an_error(
    bench: Bench, tmp_path: Path, migration: str, to: str, column: str, told: str
) -> None:
    via = "contact.customer_id" if "via" in to else None
    found = judged(bench, tmp_path, migration, to.partition(" ")[0], via, column)
    [finding] = [one for one in found if one.code == "PGS007"]
    assert (finding.severity, told in finding.message) == (Severity.ERROR, True), finding.message
    # The drop itself is excused by nothing.
    assert [one.severity for one in found if one.code == "PGS203"] in ([], [Severity.ERROR])


def test_names_that_lead_nowhere_are_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "m.sql").write_text(f"set search_path = public;\n{CONTACT}{COPY};{DROP}")
    said = {
        ("contact.email", None): "no foreign key leads from",
        ("contacts.email", None): "there is no column contacts.email after it; did you mean public.contact.email?",
        ("contact.email", "line.no"): "via is a column of public.line",
    }
    rules = [Moved(column=EMAIL, to=to, via=via, reason="x") for to, via in said]
    rules.append(Moved(column="customer.mail", to="contact.email", reason="x"))
    found = bench.judge(tmp_path / "m.sql", Rules(moved=tuple(rules)))
    messages = [one.message for one in found if one.code == "PGS007"]
    assert len(messages) == 4
    for told in (*said.values(), "there was no such column before"):
        assert any(told in message for message in messages), messages
