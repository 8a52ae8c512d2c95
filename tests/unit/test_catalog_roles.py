"""Statements that make roles, and names taken apart."""

from __future__ import annotations

import pytest

from pytest_pgsafe.catalog.names import parts, unquoted
from pytest_pgsafe.catalog.roles import create_roles_sql
from pytest_pgsafe.catalog.values import Role
from pytest_pgsafe.server.settings import alter, assignment


def statements(*roles: Role, existing: tuple[str, ...] = ()) -> list[str]:
    return [one.as_string(None) for one in create_roles_sql({role.name: role for role in roles}, existing)]


def test_a_missing_role_gets_its_attributes_and_no_password() -> None:
    role = Role(name='"My ""role"""', create_db=True, login=True, connection_limit=3, comment="it's")
    assert statements(role) == [
        'CREATE ROLE "My ""role""" NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS'
        " CONNECTION LIMIT 3",
        'COMMENT ON ROLE "My ""role""" IS \'it\'\'s\'',
    ]


def test_what_exists_is_left_as_it_is() -> None:
    assert statements(Role(name="a", superuser=True, member_of=("b",)), existing=("a",)) == []


def test_memberships_come_after_all_roles() -> None:
    made = statements(Role(name="a", member_of=('"z, y", admin',)), Role(name='"z, y"'))
    assert [one.split()[0] for one in made] == ["CREATE", "CREATE", "GRANT"]
    assert made[-1] == 'GRANT "z, y" TO "a" WITH ADMIN OPTION'


@pytest.mark.parametrize(
    ("inherit", "membership", "expected"),
    [
        (True, "b", ""),
        (True, "b, no inherit", " WITH INHERIT FALSE"),
        (True, "b, no set", " WITH SET FALSE"),
        (True, "b, admin, no inherit, no set", " WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"),
        # What 14 and 15 say of a role that does not inherit needs no words that they do not know.
        (False, "b, no inherit", ""),
        (False, "b", " WITH INHERIT TRUE"),
    ],
)
def test_options_of_a_membership(inherit: bool, membership: str, expected: str) -> None:
    assert statements(Role(name="a", inherit=inherit, member_of=(membership,)))[-1] == f'GRANT "b" TO "a"{expected}'


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("work_mem=8MB", "\"work_mem\" TO '8MB'"),
        ('search_path="$user", "odd, one", public', "\"search_path\" TO '$user', 'odd, one', 'public'"),
        ('search_path=""', "\"search_path\" TO ''"),
        ("my.setting=a=b'c, d", "\"my\".\"setting\" TO 'a=b''c, d'"),
    ],
)
def test_settings(setting: str, expected: str) -> None:
    assert assignment(setting).as_string(None) == expected


def test_settings_of_a_database() -> None:
    assert alter("the copy", "jit=on").as_string(None) == 'ALTER DATABASE "the copy" SET "jit" TO \'on\''
    of_role = alter("the copy", "work_mem=1MB", role="A").as_string(None)
    assert of_role == 'ALTER ROLE "A" IN DATABASE "the copy" SET "work_mem" TO \'1MB\''


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", ("a",)), ("a.b.c", ("a", "b", "c")), ('"A.b"."c""d"', ("A.b", 'c"d')), ('x."select"', ("x", "select"))],
)
def test_names_are_taken_apart(name: str, expected: tuple[str, ...]) -> None:
    assert parts(name) == expected


def test_a_role_is_named_as_it_is() -> None:
    assert (unquoted('"A ""b"""'), unquoted("plain")) == ('A "b"', "plain")
