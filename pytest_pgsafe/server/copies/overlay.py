"""The template is the lower layer of an overlay, which is read; a file is copied when the server first opens it.

It is mounted in a mount namespace that the server's processes alone are in, and that is gone with the last of them,
however they end. An ordinary user gets the right to mount from a user namespace, in which he is who he was. The layer
that is written is an ordinary folder: whoever is outside of the namespace finds there what the server wrote.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

_NEW_NAMESPACE, _NEW_USERS = 0x00020000, 0x10000000
_RECURSIVE, _PRIVATE = 0x4000, 0x40000
#: System calls that are of the same number on every processor.
_OPEN_TREE, _MOVE_MOUNT, _SET_ATTRIBUTES = 428, 429, 442
_HERE, _EMPTY_PATH, _CLONE, _MOVED, _MAPPED = -100, 0x1000, 1, 4, 0x00100000
#: Without "volatile" the layer is written to the disk when it is unmounted; kernels before 5.10 do not know it.
_OPTIONS = (",volatile", "")
_Give = Callable[[Path], None]


class Copy:
    name = "overlay"
    entered = True

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self._lower = folder / "lower"
        self._work = folder / "work"
        self.data = folder / "layers"
        self.written = folder / "data"

    def attempt(self) -> None:
        if sys.platform != "linux":
            raise OSError("there is none but on Linux")
        self.make(lambda _: (0, ""))
        read, write = os.pipe()
        child = os.fork()
        if not child:
            self._tell(write)
        os.close(write)
        with os.fdopen(read, "rb") as said:
            why = said.read().decode("utf-8", "replace")
        os.waitpid(child, 0)
        for path in (self.data, self.written, self._lower, self._work):
            shutil.rmtree(path)
        if why:
            raise OSError(why)

    def _tell(self, write: int) -> None:
        """Try it in a process of its own, and tell what stands against it."""
        try:
            self.enter(None, lambda _: None)
            # It reads through, and writes.
            (self.data / "PG_VERSION").read_bytes()
            (self.data / "postmaster.pid").touch()
        except OSError as error:
            os.write(write, (error.strerror or str(error)).encode())
        finally:
            os._exit(0)

    def make(self, run: Callable[[list[str]], tuple[int, str]]) -> None:  # noqa: ARG002 no program is needed
        for path in (self.data, self.written, self._lower, self._work):
            path.mkdir(mode=0o700)

    def enter(self, owner: tuple[int, int] | None, give: _Give) -> None:
        # One that was used is refused.
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(mode=0o700)
        libc = ctypes.CDLL(None, use_errno=True)
        root = os.geteuid() == 0
        uid, gid = os.geteuid(), os.getegid()
        _check("unshare", libc.unshare(_NEW_NAMESPACE | (0 if root else _NEW_USERS)))
        if not root:
            _map(os.getpid(), (uid, uid), (gid, gid))
        # Nothing that is mounted here is seen elsewhere.
        _check("mount", libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None))
        lower = self._template if owner is None else self._owned(libc, owner)
        try:
            self._mount(libc, lower, root=root)
        finally:
            # What the kernel makes there would be closed to whoever removes it.
            for folder, _, names in os.walk(self._work):
                for path in (Path(folder), *(Path(folder) / name for name in names)):
                    path.chmod(0o700)
        give(self._work)
        if lower == self._template:
            # A change of owner copies nothing but the file's head; of many files that takes its time.
            give(self.data)

    def _owned(self, libc: ctypes.CDLL, owner: tuple[int, int]) -> Path:
        """Mount the template as if it were its new owner's; return it as it is where the kernel cannot do that."""
        state = self._template.stat()
        try:
            users = _users((state.st_uid, owner[0]), (state.st_gid, owner[1]))
            try:
                tree = _check("open_tree", libc.syscall(_OPEN_TREE, _HERE, os.fsencode(self._template), _CLONE))
                mapped = struct.pack("QQQQ", _MAPPED, 0, 0, users)
                _check("idmap", libc.syscall(_SET_ATTRIBUTES, tree, b"", _EMPTY_PATH, mapped, len(mapped)))
                where = os.fsencode(self._lower)
                _check("move_mount", libc.syscall(_MOVE_MOUNT, tree, b"", _HERE, where, _MOVED))
                os.close(tree)
            finally:
                os.close(users)
        except OSError:
            return self._template
        return self._lower

    def _mount(self, libc: ctypes.CDLL, lower: Path, *, root: bool) -> None:
        layers = f"lowerdir={_escaped(lower)},upperdir={_escaped(self.written)},workdir={_escaped(self._work)}"
        layers += ",metacopy=on,redirect_dir=on" if root else ",userxattr"
        where = os.fsencode(self.data)
        failed = 0
        for more in _OPTIONS:
            failed = libc.mount(b"overlay", where, b"overlay", 0, os.fsencode(layers + more))
            if not failed:
                break
        _check("mount", failed)


def _users(user: tuple[int, int], group: tuple[int, int]) -> int:
    """Return a handle on a user namespace in which the first of each pair is the second one outside of it."""
    ready, done = os.pipe()
    child = os.fork()
    if not child:
        ctypes.CDLL(None).unshare(_NEW_USERS)
        os.write(done, b"\n")
        signal.pause()
    try:
        os.read(ready, 1)
        _map(child, user, group)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(done)


def _map(process: int, user: tuple[int, int], group: tuple[int, int]) -> None:
    """Say who the user and the group of a user namespace are outside of it."""
    for name, line in (("setgroups", "deny"), ("uid_map", _line(*user)), ("gid_map", _line(*group))):
        Path(f"/proc/{process}/{name}").write_text(line, "ascii")


def _line(inside: int, outside: int) -> str:
    return f"{inside} {outside} 1"


def _escaped(path: Path) -> str:
    text = str(path)
    for sign in ("\\", ":", ","):
        text = text.replace(sign, f"\\{sign}")
    return text


def _check(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
