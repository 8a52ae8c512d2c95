r"""Scripts as psql reads them: what hides a command, and what does not."""

from __future__ import annotations

import io
import time

import pytest

from pytest_pgsafe.backup import script
from pytest_pgsafe.backup.script import Piece, pieces

TEXT = r"""-- head
select 1; select 'a;b' , "c;d", $$x;y$$, $t$ $$ ; $t$, E'it''s \' ; x';
create function f() returns int begin atomic select case when true then 1 end; select 2; end;
COPY public.a (x) FROM stdin;
1
\connect nowhere
\.
\connect shop \! id
/* a /* nested ; */ ; */ create table t(a int; b int);
select 1 \g | cat
\copy t from stdin
row
\.
\echo 'a\\b' `id` \\ select 5;
select 'it''s', U&"d\";
"""


def of(text: str | bytes) -> list[Piece]:
    return list(pieces(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


def shown(text: str | bytes) -> list[tuple[str, int, str]]:
    return [(one.kind, one.line, one.text) for one in of(text)]


WANTED = [
    ("comment", 1, "-- head"),
    ("statement", 2, "select 1"),
    ("statement", 2, "select 'a;b' , \"c;d\", $$x;y$$, $t$ $$ ; $t$, E'it''s \\' ; x'"),
    (
        "statement", 3,
        "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
    ),
    ("statement", 4, "COPY public.a (x) FROM stdin"),
    ("rows", 5, ""),
    ("command", 8, "\\connect shop"),
    ("command", 8, "\\! id"),
    ("statement", 9, "create table t(a int; b int)"),
    ("statement", 10, "select 1"),
    ("command", 10, "\\g | cat"),
    ("command", 11, "\\copy t from stdin"),
    ("rows", 12, ""),
    ("command", 14, "\\echo 'a\\\\b' `id`"),
    ("statement", 14, "select 5"),
    ("statement", 15, "select 'it''s', U&\"d\\\""),
]  # fmt: skip


def test_everything_is_told_apart() -> None:
    assert shown(TEXT) == WANTED


@pytest.mark.parametrize("chunk", [1, 2, 7, 33])
def test_wherever_the_stream_is_cut(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of(TEXT)
    monkeypatch.setattr(script, "CHUNK", chunk)
    monkeypatch.setattr(script, "_AHEAD", 16)
    assert of(TEXT) == whole


def test_offsets_give_the_text_back() -> None:
    for one in of(TEXT):
        part = TEXT.encode()[one.start : one.end].decode()
        if one.kind == "statement":
            assert part.removesuffix(";").strip() == one.text
        elif one.kind == "command":
            assert part.strip() == one.text


def test_windows_line_ends_are_no_difference() -> None:
    assert shown(TEXT.replace("\n", "\r\n")) == WANTED


HIDDEN = "\\! id"


@pytest.mark.parametrize(
    "text",
    [
        f"select '{HIDDEN}';", f"select 'it''s {HIDDEN}';", f"select E'a\\'{HIDDEN}';", f"select \"{HIDDEN}\";",
        f"select $${HIDDEN}$$;", f"select $a$ $$ {HIDDEN} $$ $a$;", f"-- {HIDDEN}\n", f"/* {HIDDEN} */",
        f"/* /* */ {HIDDEN} */", f"COPY t FROM stdin;\n{HIDDEN}\n\\.\n", f"select u&'\\0061 {HIDDEN}';",
        f"copy t (a, \"b;c\") from  STDIN with (format csv);\n{HIDDEN}\n\\.\n",
        f"set standard_conforming_strings = off;\nselect 'it\\'s {HIDDEN}';",
        f"SET client_encoding = 'SJIS';\nselect '{HIDDEN}';",
    ],
)  # fmt: skip
def test_what_is_hidden(text: str) -> None:
    assert [one for one in of(text) if one.kind == "command"] == []
    assert all(one.whole for one in of(text))


@pytest.mark.parametrize(
    "text",
    [
        f"select 1; {HIDDEN}\n", f"select '\\'; {HIDDEN}\n", f"select $1$a$1$; {HIDDEN}\n", f"select x$$y$$; {HIDDEN}",
        f"select 'a' -- it's\n; {HIDDEN}\n", f"select \"a\"\"b\" {HIDDEN}\n", f"COPY t FROM stdin;\n1\n\\.\n{HIDDEN}\n",
        f"COPY t TO stdout;\n{HIDDEN}\n", f"COPY t FROM stdin;\n\\\\.\n\\.\n{HIDDEN}\n", f"select e'\\\\'; {HIDDEN}\n",
        f"COPY t FROM stdin;\r\n\\.\r\n{HIDDEN}\r\n", f"select namE'\\'; {HIDDEN}\n", f"select /* ' */ 1 {HIDDEN}\n",
        f"create function f() begin atomic select 1; end; {HIDDEN}\n", f"\\echo x {HIDDEN}\n",
        f"select (1;2; {HIDDEN}\n",
        f"insert into t values ('a''b', -1); {HIDDEN}\n", f"insert into t values (E'a\\'b', 'c'); {HIDDEN}\n",
    ],
)  # fmt: skip
def test_what_is_not_hidden(text: str) -> None:
    assert [one.text for one in of(text) if one.kind == "command" and one.text.startswith("\\!")] == [HIDDEN]


def test_characters_whose_second_byte_is_a_backslash_or_a_quote() -> None:
    begin = b"SET client_encoding = 'SJIS';\n"
    assert [one.kind for one in of(begin + b"insert into t values ('\x83\x5c');\n\\! id")] == [
        "statement", "statement", "command",
    ]  # fmt: skip
    # In another encoding they are what they look like.
    told = of(b"SET client_encoding = 'LATIN1';\ninsert into t values (E'\x83\x5c');\n\\! id')")
    assert [one.kind for one in told] == ["statement", "statement"]
    named = of(b"SET client_encoding = 'GBK';\nalter table t owner to \"\x95\x5c\";")
    assert named[1].text == b'alter table t owner to "\x95\x5c"'.decode("gbk")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select 'a", "statement"), ("select (1", "statement"), ("select $$a", "statement"), ("/* a", "comment"),
        ("COPY t FROM stdin;\n1\n2\n", "rows"), ("COPY t FROM stdin;\n1\n\\.x", "rows"), ("COPY t FROM stdin;", "rows"),
        ('select "a', "statement"), ("create function f() begin atomic select 1;", "statement"),
    ],
)  # fmt: skip
def test_what_is_cut_is_not_whole(text: str, kind: str) -> None:
    assert [one.kind for one in of(text) if not one.whole] == [kind]


@pytest.mark.parametrize("text", ["select 1", "COPY t FROM stdin;\n1\n\\.", "COPY t FROM stdin;\n\\.\n", ""])
def test_what_psql_takes_is_whole(text: str) -> None:
    assert all(one.whole for one in of(text))


@pytest.mark.parametrize(
    "text",
    [
        b"COPY t FROM stdin;\n" + b"abc\tdef\n" * 200_000, b"select '" + b"x" * 4_000_000,
        b"select E'" + b"x" * 4_000_000, b"".join(b"$a%d$" % number for number in range(200_000)), b"(" * 200_000,
        b"\\set " + b"x" * 4_000_000, b"--" + b"x" * 4_000_000, b"'" * 200_001, b"/*" * 200_000,
        b"create function f() begin atomic " + b"select 1;" * 50_000, b"\\set a :b[1:2] " * 50_000,
        b"select $$" + b"$" * 1_000_000, b'"' * 200_001, b"insert into t values ('" + b"''" * 500_000,
    ],
)  # fmt: skip
def test_time_is_linear(text: bytes) -> None:
    def seconds(part: bytes) -> float:
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            for _ in pieces(io.BytesIO(part)):
                pass
            best = min(best, time.process_time() - start)
        return best

    # Quadratic would be 16 times as long.
    assert seconds(text) < 8 * seconds(text[: len(text) // 4]) + 0.1
