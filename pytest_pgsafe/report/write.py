"""Reports as files: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..config.forms import RECEIPT
from ..records.values import Entry
from ..rehearsal.values import Result
from . import codequality, ctrf, json, markdown, sarif


def _html(result: Result) -> str:
    # Its templates' engine is loaded by who wants a page, and by nobody else.
    from . import html

    return html.render(result)


#: Formats by what a file's name ends in, the longest first; the configuration refuses any other.
FORMATS: Mapping[str, Callable[[Result], str]] = {
    ".codequality.json": codequality.render,
    ".ctrf.json": ctrf.render,
    ".json": json.render,
    ".md": markdown.render,
    ".html": _html,
    ".sarif": sarif.render,
}


#: Formats that show rows by their keys alone, whatever is configured.
KEYS_ALONE = frozenset({".md", ".sarif", ".ctrf.json", ".codequality.json"})


def format_of(file: Path) -> str:
    """Return the ending that names a file's format.

    :raises KeyError: it names none.
    """
    for ending in FORMATS:
        if file.name.endswith(ending):
            return ending
    raise KeyError(file.name)


def write(result: Result, files: Sequence[Path], *, private: bool = True, receipt: Entry | None = None) -> None:
    """Write a result, already redacted, in the format that each file's suffix names.

    A reader never sees half a report: the text is written beside it and renamed.

    :param receipt: what a file of receipts is to hold; without one such a file is left as it is.
    :param private: it may hold values of rows: a file with them is for its owner alone (0600).
    :raises OSError: a folder or a file cannot be written; the others are written first.
    """
    failed = [
        error
        for file in files
        if not file.name.endswith(RECEIPT)
        if (error := replace(file, FORMATS[form := format_of(file)](result), private and form not in KEYS_ALONE))
        is not None
    ]
    if receipt is not None:
        from ..records import seal

        text = seal.dumps(receipt, indent=2) + "\n"
        failed += [
            error
            for file in files
            if file.name.endswith(RECEIPT) and (error := replace(file, text, private=False)) is not None
        ]
    if failed:
        raise failed[0]


def replace(file: Path, text: str, private: bool) -> OSError | None:
    """Write a file as a whole or not at all; return what went wrong.

    :param private: it is for its owner alone.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        return error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        if not private:
            # mkstemp makes 0600; such a report has the rights that any new file of this process has.
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
        Path(name).replace(file)
    except OSError as error:
        return error
    finally:
        Path(name).unlink(missing_ok=True)
    return None
