"""The restore command of a recovery from a repository: the engine fetches, and what it gave is looked at."""

from __future__ import annotations

import os
import re
import shlex

from ...server.programs import LocalPrograms
from .values import Place, Repository

_SEGMENT = re.compile(r"[0-9A-F]{24}")
#: How a segment ends in which a tablespace is created.
TABLESPACE = 3
#: What the script does with a segment that was fetched. By a record that creates a tablespace PostgreSQL makes a link
#: to the source's folder and empties what is there, on the source's own machine the source's files. A record may begin
#: in the segment before.
_LOOK = """\
look() {{
  words=$({waldump} --path={looked} --rmgr=Tablespace "$@" 2>/dev/null)
  code=$?
  case "$words" in *"desc: CREATE"*) status={tablespace}; printf '%s\\n' "$words" >>{messages};; esac
  [ $code -le 1 ] || {{ status=2; echo "pg_waldump ended with $code" >>{messages}; }}
}}
if [ $status -eq 0 ] && [ ${{#1}} -eq 24 ]; then
  ln -f "$2" {looked}/"$1" 2>/dev/null || cp "$2" {looked}/"$1"
  before=
  for one in {looked}/*; do
    [ "${{one##*/}}" = "$1" ] || before=${{one##*/}}
  done
  code=1
  [ -z "$before" ] || {{ look "$before" "$1"; rm -f {looked}/"$before"; }}
  [ $code -eq 0 ] || look "$1"
  if [ "$1" = {newest} ] || [ -n "$(ls {kept})" ]; then cp "$2" {kept}/"$1"; fi
fi
echo "$1 $status" >>{asked}
case $status in 0) exit 0;; 1) exit 1;; *) rm -f "$2"; exit 255;; esac
"""


def restore_command(repository: Repository, place: Place, newest: str | None, programs: LocalPrograms) -> str:
    """Write the command down: its environment may hold the repository's secrets, and PostgreSQL's log would tell them.

    A failure of the engine's ends the recovery at once; PostgreSQL would take it for the end of the archive.

    :param newest: the archive's last segment; it and what comes after it are kept for a look.
    :raises ServerError: the programs have no pg_waldump.
    """
    programs.path("pg_waldump")
    look = _LOOK.format(
        waldump=shlex.quote(str(programs.readable_by(repository.user) / "pg_waldump")),
        looked=shlex.quote(str(place.looked)),
        kept=shlex.quote(str(place.newest)),
        newest=shlex.quote(newest or "none"),
        asked=shlex.quote(str(place.asked)),
        messages=shlex.quote(str(place.messages)),
        tablespace=TABLESPACE,
    )
    script = place.folder / "fetch.sh"
    with os.fdopen(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{repository.fetch(place)}\n{look}")
    if repository.user is not None:
        os.chown(script, repository.user.uid, repository.user.gid)
    return f"sh {shlex.quote(str(script)).replace('%', '%%')} %f %p"


def asked(place: Place) -> dict[str, int]:
    """Return how the last request for each file ended, in the order of the requests."""
    found: dict[str, int] = {}
    for line in place.asked.read_text("utf-8", "replace").splitlines():
        name, _, status = line.partition(" ")
        found.pop(name, None)
        found[name] = int(status) if status.isdigit() else 255
    return found


def timeline(place: Place) -> int | None:
    """Return the timeline of the last segment that was fetched; None if none was."""
    fetched = [name for name, status in asked(place).items() if status == 0 and _SEGMENT.fullmatch(name)]
    return int(fetched[-1][:8], 16) if fetched else None


def last_lines(place: Place) -> list[str]:
    """Return the last lines of what the engine said while WAL was fetched."""
    return [line for line in place.messages.read_text("utf-8", "replace").splitlines() if line.strip()][-6:]
