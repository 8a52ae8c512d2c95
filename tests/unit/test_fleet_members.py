"""Members of a fleet: what may be configured, what they are called, and which a sample takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.config import Options, Settings, resolve
from pytest_pgsafe.config.fleet import Entry, Fleet, Sample, is_query, sample
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.fleet.members import find, listed
from pytest_pgsafe.fleet.names import escaped
from pytest_pgsafe.fleet.sampling import chosen, drawn
from pytest_pgsafe.plugin.selection import select

DSN = 'dsn = "postgresql://h/tenant_{name}"'
CONTRACT = """
[source]
dsn = "postgresql://staging-db/crm"
jobs = 3
[[source.fleet]]
dsn = "postgresql://staging-db/tenant_{name}"
names = "select slug from tenant"
[fleet]
sample = "10 largest, 20 at random"
source_sessions = 4
"""


def settled(folder: Path, text: str = "", *source: str) -> Settings:
    (folder / "pgsafe.toml").write_text(text, encoding="utf-8")
    return resolve(Options(source=source), environment={}, rootdir=folder, invocation_dir=folder)


def fleet(folder: Path, text: str = "", *source: str) -> Fleet:
    found = settled(folder, text, *source).fleet
    assert found is not None
    return found


def refused(folder: Path, text: str, *source: str) -> str:
    with pytest.raises(ConfigError) as error:
        find(fleet(folder, text, *source))
    return str(error.value)


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    settings = settled(tmp_path, CONTRACT)
    assert settings.source is None
    assert settings.fleet == Fleet(
        entries=(
            Entry(
                origin="pgsafe.toml source.fleet[0]", dsn="postgresql://staging-db/tenant_{name}",
                query="select slug from tenant", catalog="postgresql://staging-db/crm",
            ),
        ),
        jobs=3, sample=Sample(largest=10, random=20), source_sessions=4,
    )  # fmt: skip
    assert listed(fleet(tmp_path, CONTRACT)) is None
    assert "secret" not in repr(fleet(tmp_path, CONTRACT.replace("staging-db", "u:secret@staging-db")))


def test_one_source_on_the_command_line_is_no_fleet(tmp_path: Path) -> None:
    settings = settled(tmp_path, CONTRACT, "postgresql://h/one")
    assert settings.fleet is None
    assert settings.source is not None
    # A star in a password is none in a name.
    assert settled(tmp_path, "", "postgresql://u:p*@h/one").fleet is None


def test_several_sources_on_the_command_line(tmp_path: Path) -> None:
    members = find(fleet(tmp_path, "", "postgresql://a/crm", "host=b dbname=shop"))
    assert [(one.name, one.source.dsn) for one in members] == [
        ("crm", "dbname=crm host=a"), ("shop", "dbname=shop host=b"),
    ]  # fmt: skip
    assert fleet(tmp_path, "", "postgresql://a/tenant_*").entries[0].pattern == "tenant_*"
    assert "two members are called crm" in refused(tmp_path, "", "postgresql://a/crm", "postgresql://b/crm")


def test_a_list_of_names(tmp_path: Path) -> None:
    names = ["a", "b::c", "d e", "it's", "x[1]", "50%", "host=evil", "Ä"]
    members = find(fleet(tmp_path, f"[[source.fleet]]\n{DSN}\nnames = {names}"))
    assert [one.name for one in members] == [
        "a", "b%3A%3Ac", "d%20e", "it%27s", "x%5B1%5D", "50%25", "host=evil", "Ä",
    ]  # fmt: skip
    # A name leads to a database of that name, whatever it would mean in an address.
    assert [one.database for one in members] == [f"tenant_{name}" for name in names]


def test_a_folder_of_backups(tmp_path: Path) -> None:
    (tmp_path / "kept" / "three").mkdir(parents=True)
    for name in ("one.dump", "two.sql.gz", ".hidden"):
        (tmp_path / "kept" / name).touch()
    members = find(fleet(tmp_path, '[[source.fleet]]\nbackups = "kept"'))
    assert [one.name for one in members] == ["one", "three", "two"]
    assert members[0].source.backup == tmp_path / "kept" / "one.dump"
    (tmp_path / "kept" / "one.sql").touch()
    assert "two members are called one" in refused(tmp_path, '[[source.fleet]]\nbackups = "kept"')
    (tmp_path / "empty").mkdir()
    assert "no member was found" in refused(tmp_path, '[[source.fleet]]\nbackups = "empty"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{DSN}\nname = 'a'", "did you mean source.fleet[0].names?"),
        (DSN, "names is missing"),
        (f"{DSN}\nnames = []", "names is empty"),
        ('dsn = "postgresql://h/one"\nnames = ["a", "b"]', "dsn has no {name}"),
        ('names = ["a"]', "wanted dsn"),
        (f"{DSN}\nnames = ['a', 'a']", "two members are called a"),
        (f"{DSN}\nnames = 'select 1'", "nobody can be asked"),
        (f"{DSN}\nnames = ['a']\ncatalog = 'dbname=x'", "catalog is asked for names"),
        (f"{DSN}\nbackups = 'kept'", "stands alone"),
        ("backups = 'gone'", "does not exist"),
        ('dsn = "mysql://h/{name}"\nnames = ["a"]', "no URI scheme 'mysql'"),
    ],
)
def test_what_cannot_be_a_fleet(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, f"[[source.fleet]]\n{text}")


def test_beside_other_sources(tmp_path: Path) -> None:
    text = f"[[source.fleet]]\n{DSN}\nnames = ['a']\n"
    (tmp_path / "a.dump").touch()
    assert "only one of them" in refused(tmp_path, f'[source]\nbackup = "a.dump"\n{text}')
    (tmp_path / "w").mkdir()
    assert "runs of their own" in refused(tmp_path, f'{text}[pitr]\nbase = "w"\narchive = "w"')
    assert "how old it may be" in refused(tmp_path, f'{text}[server]\ncache = "on"')


def test_queries_and_patterns() -> None:
    assert all(map(is_query, ["select 1", " WITH x as (select 1) select 1", "values ('a')", "(select 1)", "table t"]))
    assert not any(map(is_query, ["tenant_*", "selected", "with_*", "*"]))


def test_names_can_be_read_back() -> None:
    names = ["a", "a b", "a%20b", "a*b", "a/b", "a\\b", 'a"b', "a'b", "a::b", "[a]", "\t", "\udcff"]
    assert len({escaped(name) for name in names}) == len(names)
    assert not set(" :[]/\\'\"*\t") & set("".join(map(escaped, names)))


def test_samples() -> None:
    assert sample("10 largest") == Sample(largest=10)
    assert sample("20 at random (seed 7), 10 largest") == Sample(largest=10, random=20, seed=7)
    assert str(sample("10 largest, 20 at random (seed 7)")) == "10 largest, 20 at random (seed 7)"
    for text in ("", "many", "0 largest", "1 largest (seed 7)", "1 largest, 2 largest", "1 largest 2 at random"):
        with pytest.raises(ValueError, match=r"wanted|twice|seed"):
            sample(text)


def test_a_sample_is_repeated_by_its_seed() -> None:
    names = [f"t{number}" for number in range(100)]
    sizes = {name: number for number, name in enumerate(names) if number != 99}
    wanted = drawn(Sample(largest=3, random=5))
    assert wanted.seed is not None
    first = chosen(names, wanted, sizes)
    assert len(first) == 8
    assert {"t96", "t97", "t98"} <= set(first)
    assert list(first) == [name for name in names if name in first]
    assert set(chosen(names[::-1], wanted, sizes)) == set(first)
    assert len({chosen(names, Sample(random=5, seed=seed), {}) for seed in range(20)}) > 10
    assert chosen(names[:3], wanted, sizes) == tuple(names[:3])


def test_ids_select_members(tmp_path: Path) -> None:
    def selected(*arguments: str) -> list[tuple[str, ...] | None]:
        found = select(arguments, rootdir=tmp_path, invocation_dir=tmp_path)
        return [found.of("one"), found.of("two")]

    assert selected() == [(), ()]
    assert selected("pgsafe.toml[one]::rows") == [("rows",), None]
    assert selected("pgsafe.toml[one]") == [(), None]
    assert selected("pgsafe.toml[*]::rows", "pgsafe.toml[one]::values") == [("rows", "values"), ("rows",)]
    assert selected("pgsafe.toml::rows") == [("rows",), ("rows",)]
    assert selected("pgsafe.toml", "pgsafe.toml[one]::rows") == [(), ()]
    others = select(["test_a.py[one]::rows"], rootdir=tmp_path, invocation_dir=tmp_path)
    assert (others.arguments, others.collected) == (("test_a.py[one]::rows",), False)
    odd = tmp_path / "x[1]"
    assert select([f"{odd}/pgsafe.toml::rows"], rootdir=odd, invocation_dir=odd).names == ("rows",)
