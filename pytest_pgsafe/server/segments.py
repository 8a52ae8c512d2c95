"""System V's shared memory that a server of ours left when it was killed: it outlives every process, and the folder.

Each server has one small segment, by which a second one on its data directory would be noticed. Its other shared
memory is anonymous, or lies in files of the data directory. The keeper loads it by its path: only the standard library.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

#: Where Linux lists all segments; elsewhere none is removed.
LISTED = Path("/proc/sysvipc/shm")
_IPC_RMID = 0


def release(data: Path, owner: int) -> bool:
    """Remove the segment that a data directory's killed server left; tell whether there was one.

    It has to be the very one that postmaster.pid names: by its key, its number, its maker's process and user. One
    that any process is attached to stays.

    :param data: of a server of ours that runs no more.
    :param owner: the user whose server it was.
    """
    try:
        lines = (data / "postmaster.pid").read_text("utf-8").splitlines()
        maker, (key, number) = int(lines[0]), map(int, lines[6].split())
        listed = LISTED.read_text("utf-8").splitlines()
    except (OSError, ValueError, IndexError):
        # It stopped in order, or there are no such segments here.
        return False
    heads = listed[0].split()
    for line in listed[1:]:
        one = dict(zip(heads, map(int, line.split()[: len(heads)]), strict=False))
        # The kernel writes keys with a sign.
        same = one["shmid"] == number and one["key"] & 0xFFFFFFFF == key & 0xFFFFFFFF
        if same and (one["cpid"], one["cuid"], one["nattch"]) == (maker, owner, 0):
            return bool(ctypes.CDLL(None).shmctl(number, _IPC_RMID, None) == 0)
    return False
