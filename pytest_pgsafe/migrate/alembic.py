"""Run Alembic on the copy as its command line would, and learn which revisions ran and how long each took."""

from __future__ import annotations

import json
from pathlib import Path

from .values import Revision

#: As ``alembic -c INI upgrade REVISION`` (or ``downgrade``), but the copy's address replaces the one that the file
#: holds. A line is written before each revision and after the last; the generator is asked for the next when one has
#: ended.
SCRIPT = """
import json, os, sys, time
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url
config = Config(sys.argv[1])
url = make_url(os.environ.pop("PGSAFE_URL"))
path = os.environ.pop("PGSAFE_REVISIONS")
try:
    drivername = make_url(config.get_main_option("sqlalchemy.url") or "").drivername
except Exception:
    drivername = ""
if drivername.split("+")[0] in ("postgres", "postgresql"):
    url = url.set(drivername=drivername)
config.set_main_option("sqlalchemy.url", url.render_as_string(hide_password=False).replace("%", "%%"))

def note(name):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps([name, time.monotonic()]) + "\\n")

def noted(steps):
    for step in steps:
        note(str(getattr(getattr(step, "revision", None), "revision", step)))
        yield step
    note(None)

def follow(name):
    plain = getattr(ScriptDirectory, name, None)
    if plain is not None:
        setattr(ScriptDirectory, name, lambda self, *given: noted(plain(self, *given)))

follow("_upgrade_revs")
follow("_downgrade_revs")
getattr(command, sys.argv[2])(config, sys.argv[3])
"""


def revisions(file: Path) -> tuple[Revision, ...]:
    """Read what the script wrote; the last revision of a run that failed has no time."""
    if not file.is_file():
        return ()
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    ends = [*(time for _, time in lines[1:]), None]
    return tuple(
        Revision(name=name, seconds=None if end is None else round(end - start, 3))
        for (name, start), end in zip(lines, ends, strict=True)
        if name is not None
    )
