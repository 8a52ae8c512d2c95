"""What TOML's parser refuses is told with how it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.config.file import load
from pytest_pgsafe.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[expect] rows = { a = 1 }\n", "[expect] stands in a line of its own"),
        ("[expect]\na = 1\n  [expect] dropped = []\n", "[expect] stands in a line of its own"),
        ("[expect]\nrows = { a = 1 }\nrows = { b = 1 }\n", "a key stands once"),
        ("[expect]\nrows = { a = 1 }\nrows.b = 1\n", "a key stands once"),
        ("[source]\na = 1\n[source]\nb = 1\n", "a table stands once"),
        ('[source]\nbackup = "C:\\x.dump"\n', "single quotes"),
        ("[source]\ndsn = postgresql://u:secret@h/d\n", "stands in quotes"),
        ("[expect]\nrows = { a = 1,\n b = 2 }\n", "one line"),
    ],
)
def test_a_mistake_is_told_with_what_is_right(tmp_path: Path, text: str, remedy: str) -> None:
    path = tmp_path / "pgsafe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert [remedy in one for one in refused.value.remedies] == [True]
    assert "secret" not in str(refused.value)


def test_a_mark_of_windows_editors_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "pgsafe.toml"
    path.write_bytes(b"\xef\xbb\xbfstrict = true\r\n")
    assert load(path) == {"strict": True}
