"""What a project does around a migration: SQL or commands after the restore, before the migration and after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..config.values import Hook, Settings, Way
from ..migrate.run import FailedRun
from ..migrate.run import run as execute
from ..migrate.tools import Command, Migration, SqlFiles, of
from ..server.address import Address
from ..server.base import Server
from ..server.private import private_folder


def check(settings: Settings) -> None:
    """Look at the files that hooks name, before the first step.

    :raises ConfigError: one is empty, or holds its own way back.
    """
    hooks = settings.hooks
    for hook in (*hooks.after_restore, *hooks.before_migration, *hooks.after_migration):
        if hook.kind == "file":
            _file(hook)


def run(
    name: str, hooks: Sequence[Hook], settings: Settings, server: Server, address: Address, *, role: str,
    source: Address | None,
) -> None:  # fmt: skip
    """Run hooks on a copy, in order, as the migration is run there: nothing else can be reached by the environment.

    :param name: of the hooks, for messages.
    :param role: who runs the migration; ``[hooks] role`` is another.
    :raises FailedRun: one of them failed, or opened no session on the copy.
    """
    for hook in hooks:
        with private_folder("hook") as folder:
            try:
                execute(
                    _parsed(hook, folder), server, address, role=settings.hooks.role or role,
                    env=settings.env, deadline=settings.timeout, lock_wait=settings.lock_wait, folder=settings.folder,
                    source=source, network=settings.network, observed=False,
                )  # fmt: skip
            except FailedRun as error:
                problem = error.message.replace("the migration ", "it ", 1)
                error.message = f"the hook {name} failed ({hook}): {problem}"
                raise


def _parsed(hook: Hook, private: Path) -> Migration:
    if hook.kind == "run":
        return Command(command=hook.text)
    if hook.kind == "statement":
        file = private / "statement.sql"
        file.write_text(f"{hook.text}\n;\n", encoding="utf-8")
        return SqlFiles(files=(file,), text=str(hook))
    return _file(hook)


def _file(hook: Hook) -> Migration:
    return of(Way(kind="sql", path=Path(hook.text)))
