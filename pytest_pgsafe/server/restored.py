"""A server of our own on a data directory that another program has restored: it is moved, and never copied."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .local import start_keeper
from .programs import LocalPrograms
from .recovered import RecoveredServer, nothing_leads_out, without_configuration
from .user import ServerUser


class RestoredServer(RecoveredServer):
    """A cluster that was restored for us alone, recovered and promoted."""

    @classmethod
    def adopt(
        cls,
        programs: LocalPrograms,
        data: Path,
        *,
        user: ServerUser | None,
        settings: Mapping[str, str],
        superuser: str,
        wait: float,
    ) -> RestoredServer:
        """Take a data directory over, let PostgreSQL recover it, and wait until it is promoted.

        Links of tablespaces lead where the restore has put them, which has to stay there while the server runs.

        :param data: belongs to ``user`` and is ours alone, as is the folder that it lies in; nothing leads out of that.
        :param settings: ``restore_command``, ``recovery_target_…``.
        :param superuser: a role of the cluster's.
        :param wait: seconds for the whole recovery.
        :raises ServerError: it ended before; the end of its log is in ``looked_at``.
        """
        folder = programs.readable_by(user)
        server = cls(programs, process=start_keeper(), reason="recovery")
        try:
            without_configuration(data)
            # By this file PostgreSQL makes links to where the source has its tablespaces; the restore has made its own.
            (data / "tablespace_map").unlink(missing_ok=True)
            nothing_leads_out(data, data.parent)
            if user is not None:
                # What root has just made there; the rest is the user's already.
                for path in (*data.glob("*.conf"), data / "recovery.signal", data / "log"):
                    os.chown(path, user.uid, user.gid, follow_symlinks=False)
            server._start(folder, data, user, settings, superuser=superuser, wait=wait)
        except BaseException:
            server.close()
            raise
        return server
