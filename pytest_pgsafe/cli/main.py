"""From the arguments to the exit status: every error becomes a sentence, none a traceback."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from types import FrameType

import click

from ..errors import PgsafeError, UsageError
from .answer import progress, say_error

#: In the order of the runbook; what each is for stands here too, so that a list of them imports none.
COMMANDS = {
    "backup": "Take a backup, with its facts, at one moment.",
    "verify": "Prove a backup by restoring it into a scratch server.",
    "status": "Say what is there, and whether a migration may begin.",
    "restore": "Restore a backup, verify what it gave, and time it.",
    "snapshot": "Write the facts of a database into a file.",
    "compare": "Compare two snapshots, backups or databases.",
    "prune": "Show, or remove, the backups that need not be kept.",
    "archive": "Pack the newest proven backup of a month into one file.",
    "daily": "Verify the latest backups, and tell whom it concerns.",
    "base": "List, build or remove restored copies that are kept.",
    "push": "Upload a backup off site, and read it back.",
    "pull": "Download a backup, and prove each of its files.",
    "explain": "Say what the code of a finding means, and what to do.",
    "comment": "Write a report as a comment on the pull request.",
    "receipt": "Say whether what is deployed was rehearsed.",
    "evidence": "Show what was backed up, proven and rehearsed.",
    "propose": "Propose rules for denormalised columns.",
    "upgrade-check": "Say what the next major does otherwise, and try pg_upgrade.",
    "pitr": "Recover a cluster to any moment; put back what was lost.",
}
#: Statuses of the contract.
PASSED, FAILED, INTERRUPTED, USAGE = 0, 1, 2, 4


class _Commands(click.Group):
    """Commands that are imported when they are called: ``pgsafe --help`` waits for nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{cmd_name.replace('-', '_')}", __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], [*COMMANDS, "--version", "version", "help"], n=1)
            meant = {"version": "--version", "help": "--help"}.get(close[0], close[0]) if close else None
            hint = "" if meant is None else f": do you mean pgsafe {meant}?"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="pytest-pgsafe", prog_name="pgsafe")
def group() -> None:
    """Back up PostgreSQL databases, prove the backups by restoring them, and restore.

    A migration is rehearsed by pytest: pytest --pgsafe --pgsafe-source=URI --pgsafe-migration=FILE

    Passwords come from ~/.pgpass, a service file or PGPASSWORD, never from an argument.

    Exit status: 0 everything safe, 1 something unsafe or failed, 2 interrupted, 4 nothing to start with.
    """


def main() -> None:
    """Run the command of this process's arguments, and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status."""
    as_json = "--json" in arguments
    try:
        progress.begin(quiet=as_json)
        _refuse_empty(arguments)
        with _interruptible():
            status = group.main(args=list(arguments), prog_name="pgsafe", standalone_mode=False)
        return status if isinstance(status, int) else PASSED
    except click.UsageError as error:
        return _misused(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        return _end(PgsafeError("interrupted"), INTERRUPTED, as_json=as_json)
    except UsageError as error:
        return _end(error, USAGE, as_json=as_json)
    except PgsafeError as error:
        return _failed(error, error, as_json=as_json)
    except Exception as error:
        if os.environ.get("PGSAFE_TRACEBACK") == "1":
            raise
        return _failed(error, _unexpected(error), as_json=as_json)
    finally:
        progress.end()


def _failed(error: Exception, shown: PgsafeError, *, as_json: bool) -> int:
    from ..server.full import disk_full

    full = disk_full(error)
    return _end(shown, FAILED, as_json=as_json) if full is None else _end(full, USAGE, as_json=as_json)


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse what a variable that nobody set leaves: an empty path would be the folder of the call.

    :raises UsageError: an argument or the value of an option is empty.
    """
    for before, argument in zip(("", *arguments), arguments, strict=False):
        if not argument or (argument.startswith("--") and argument.endswith("=")):
            named = argument.rstrip("=") or (before if before.startswith("--") else "an argument")
            raise UsageError(f"{named} is empty", remedies=["see whether the variable that it comes from is set"])


def _misused(error: click.UsageError, *, as_json: bool) -> int:
    if error.ctx is not None and not as_json and type(error).__name__ == "NoArgsIsHelpError":
        # Of click from 8.2; an older one prints it by itself.
        click.echo(error.ctx.get_help(), err=True)
        return USAGE
    return _end(UsageError(error.format_message().rstrip("."), remedies=_help(error)), USAGE, as_json=as_json)


def _help(error: click.UsageError) -> list[str]:
    return [] if error.ctx is None else [f"{error.ctx.command_path} --help"]


def _unexpected(error: Exception) -> PgsafeError:
    """Say what a server, a file system or a defect did, in its own words."""
    remedies = [] if isinstance(error, OSError) else ["PGSAFE_TRACEBACK=1 shows where it came from"]
    lines = str(error).strip().splitlines()
    return PgsafeError(f"{type(error).__name__}: {lines[0] if lines else ''}", looked_at=lines[1:5], remedies=remedies)


def _end(error: PgsafeError, status: int, *, as_json: bool) -> int:
    say_error(error, as_json=as_json)
    return status


@contextmanager
def _interruptible() -> Generator[None, None, None]:
    """Let SIGTERM end a command as Ctrl-C does: with everything cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
