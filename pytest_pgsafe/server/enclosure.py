"""What a program may do that runs what others wrote: Linux's Landlock and seccomp, which need no rights of their own.

    python -I -S enclosure.py COMMAND …

Run as a program it becomes the command, which may read files, but neither write one nor run another program. A server
is shut in by its keeper (:mod:`.keeper`), which loads this file by its path. Only the standard library, and nothing of
pgsafe: it has to start fast, and runs between fork and exec.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

#: landlock.h: rights on files and folders, and the version of the interface that brought the later ones.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_DEVICES = 1 << 6 | 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_SINCE = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
_FIRST = (1 << 13) - 1
#: Of a file, not of a folder.
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = READ_FILE | READ_DIR
#: The versions that can refuse TCP connections, and signals and abstract sockets.
NETWORK, SCOPES = 4, 6
CONNECT_TCP = 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_IO_URING_SETUP = 425
_O_PATH = getattr(os, "O_PATH", 0)


@dataclass(frozen=True)
class _Machine:
    """Numbers of a processor's system calls: those that reach others, and those that lead out of what is here."""

    audit: int
    seccomp: int
    connect: int
    socket: int
    sendto: int
    clone: int
    setns: int
    #: sendmsg, sendmmsg, io_uring_setup, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, unshare, mount,
    #: umount2, pivot_root, chroot, keyctl, add_key, request_key, bpf, perf_event_open, userfaultfd,
    #: open_by_handle_at
    refused: tuple[int, ...]
    #: Numbers from here on are those of another interface.
    foreign: int = 0x40000000


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, 317, 42, 41, 44, 56, 308,
        (46, 307, 425, 101, 310, 311, 438, 272, 165, 166, 155, 161, 250, 248, 249, 321, 298, 323, 304),
    ),
    "aarch64": _Machine(
        0xC00000B7, 277, 203, 198, 206, 220, 268,
        (211, 269, 425, 117, 270, 271, 438, 97, 40, 39, 41, 51, 219, 217, 218, 280, 241, 282, 265),
    ),
}  # fmt: skip
_CLONE3 = 435
_NEW_USER = 0x10000000
_AF_UNIX = 1
_EPERM, _ENOSYS, _ENETUNREACH = 1, 38, 101


def version() -> int:
    """Return the version of Landlock's interface that the kernel has; 0 is none."""
    if sys.platform != "linux":
        return 0
    return max(int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


@dataclass(frozen=True)
class Rules:
    """What a program, and whatever it starts, may do. Paths that are not there count for nothing."""

    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    executes: Sequence[str] = ()
    #: Connections, datagrams and signals to anybody outside; False refuses them.
    reaches: bool = True


def enter(rules: Rules, libc: ctypes.CDLL, *, connects: bool = False) -> None:
    """Hold this process to rules, for good.

    :param connects: although it may reach nobody, the system call for connections stays; not that for Unix sockets.
    :raises OSError: the kernel refuses; some rules may hold then.
    """
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    if have := version():
        _landlock(rules, libc, have)
    if not rules.reaches and (machine := _MACHINES.get(platform.machine())):
        _filter(libc, machine, connects=connects)


def _landlock(rules: Rules, libc: ctypes.CDLL, have: int) -> None:
    handled = _FIRST
    for since, right in _SINCE.items():
        handled |= right if have >= since else 0
    attributes = struct.pack(
        "QQQ",
        handled,
        CONNECT_TCP if not rules.reaches and have >= NETWORK else 0,
        _ABSTRACT_SOCKETS | _SIGNALS if not rules.reaches and have >= SCOPES else 0,
    )
    size = 24 if have >= SCOPES else 16 if have >= NETWORK else 8
    ruleset = _called(libc, _CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    everything = handled & ~(EXECUTE | MAKE_DEVICES)
    for paths, right in ((rules.reads, READ), (rules.writes, everything), (rules.executes, EXECUTE | READ_FILE)):
        for path in paths:
            _allow(libc, ruleset, path, right & handled)
    _called(libc, _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, right: int) -> None:
    try:
        handle = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        right &= ~0 if os.path.isdir(path) else _OF_FILES
        _called(libc, _ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", right, handle), 0)
    finally:
        os.close(handle)


def _called(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result


def listen(libc: ctypes.CDLL) -> int:
    """Have every connection of this process, and of what it starts, asked for; return the handle to read them from.

    :raises OSError: the kernel has no such thing, or somebody listens already.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(_ENOSYS, f"connections of {platform.machine()} cannot be told")
    code = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 4),  # load the architecture
            (0x15, 1, 0, machine.audit),
            (0x06, 0, 0, 0x7FFF0000),  # programs of another one are what they are
            (0x20, 0, 0, 0),  # load the number
            (0x35, 0, 1, machine.foreign),
            (0x06, 0, 0, 0x00050000 | _ENOSYS),
            # Connections that are made without a system call of their own.
            *_refuse(_IO_URING_SETUP, _ENOSYS),
            # The way back into another network.
            *_refuse(machine.setns, _EPERM),
            (0x15, 0, 1, machine.connect),
            (0x06, 0, 0, 0x7FC00000),  # ask
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    buffer = ctypes.create_string_buffer(code, len(code))
    given = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    handle = int(libc.syscall(machine.seccomp, _SET_MODE_FILTER, ctypes.c_ulong(_NEW_LISTENER), given))
    if handle < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    return handle


def _filter(libc: ctypes.CDLL, machine: _Machine, *, connects: bool) -> None:
    """Refuse system calls by which a process reaches others."""
    rules: list[list[tuple[int, int, int, int]]] = [
        *(_refuse(number, _EPERM) for number in (*machine.refused, machine.setns)),
        # The C library then uses clone, whose flags can be looked at.
        _refuse(_CLONE3, _ENOSYS),
        _refuse_if(machine.clone, argument=0, bits=_NEW_USER),
        # A datagram with an address: send() has none.
        _refuse_if(machine.sendto, argument=4, bits=0xFFFFFFFF),
        _refuse_if(machine.sendto, argument=4, bits=0xFFFFFFFF, high=True),
        _refuse_equal(machine.socket, argument=0, value=_AF_UNIX)
        if connects
        else _refuse(machine.connect, _ENETUNREACH),
    ]
    program = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 1, 0, machine.audit),
        (0x06, 0, 0, 0x80000000),  # kill: numbers mean something else there
        (0x20, 0, 0, 0),  # load the number
        (0x35, 0, 1, machine.foreign),
        (0x06, 0, 0, 0x00050000 | _ENOSYS),
        *(instruction for rule in rules for instruction in rule),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    given = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, given, 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _refuse(number: int, error: int) -> list[tuple[int, int, int, int]]:
    return [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | error)]


def _refuse_if(number: int, *, argument: int, bits: int, high: bool = False) -> list[tuple[int, int, int, int]]:
    """Refuse a call of which any bit of an argument's half is set; the number is loaded again afterwards."""
    return [
        (0x15, 0, 4, number),
        (0x20, 0, 0, 16 + 8 * argument + (4 if high else 0)),
        (0x45, 0, 1, bits),
        (0x06, 0, 0, 0x00050000 | _ENETUNREACH),
        (0x20, 0, 0, 0),
    ]


def _refuse_equal(number: int, *, argument: int, value: int) -> list[tuple[int, int, int, int]]:
    return [
        (0x15, 0, 4, number),
        (0x20, 0, 0, 16 + 8 * argument),
        (0x15, 0, 1, value),
        (0x06, 0, 0, 0x00050000 | _ENETUNREACH),
        (0x20, 0, 0, 0),
    ]


#: What a server reads of a machine: libraries, time zones, dictionaries, locales. Neither /etc nor anybody's home.
LIBRARIES = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share",
    "/usr/local/lib", "/usr/local/lib64", "/usr/local/share", "/opt", "/nix/store", "/gnu/store",
    "/home/linuxbrew/.linuxbrew", "/var/cache/postgresql",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/locale.alias", "/etc/nsswitch.conf", "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies", "/etc/perl", "/etc/python3",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/dev/urandom", "/dev/random",
)  # fmt: skip
#: Where a server that connects to itself looks up localhost; without it there are no statistics.
OWN_ADDRESS = ("/etc/hosts",)
DEVICES = ("/dev/null", "/dev/zero")
#: Programs that stand in these folders have files elsewhere, among those of others.
_COMMON = frozenset({"/", "/usr", "/usr/local"})


def of_server(postgres: str, libraries: Sequence[str]) -> Rules:
    """Return the rules of a server, but for its own folders, which its keeper adds.

    :param libraries: further folders that its loader looks into.
    """
    program = os.path.realpath(postgres)
    root = os.path.dirname(os.path.dirname(program))
    own = () if root in _COMMON else (root, os.path.dirname(program))
    return Rules(
        reads=(*LIBRARIES, *own, *libraries),
        writes=DEVICES,
        executes=executables(program),
        reaches=False,
    )


def missing(*, connects: bool = False) -> tuple[str, ...]:
    """Return what this machine cannot keep a server from, in words.

    :param connects: as for :func:`enter`.
    """
    if sys.platform != "linux":
        return ("files, programs and the network (it takes Linux)",)
    have, filtered = version(), platform.machine() in _MACHINES
    found: list[str] = []
    if not have:
        found.append("files and programs (the kernel has no Landlock)")
    if have < NETWORK and (connects or not filtered):
        found.append(f"the network (the kernel's Landlock is {have}, it takes {NETWORK})")
    elif connects or not filtered:
        found.append("datagrams")
    return tuple(found)


def interpreter(program: str) -> str | None:
    """Return the loader that a program names (``/lib64/ld-linux-x86-64.so.2``); None for what is no 64-bit ELF file."""
    with open(program, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return None
        offset, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        for number in range(count):
            file.seek(offset + number * size)
            kind, _, place, _, _, length, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == 3:
                file.seek(place)
                return file.read(length).rstrip(b"\0").decode()
    return None


def executables(program: str) -> tuple[str, ...]:
    """Return what has to be executable for a program to run, and nothing else."""
    return tuple(path for path in (program, interpreter(program)) if path is not None)


def main(command: Sequence[str]) -> None:
    """Become a command that can neither write a file nor run a program; where nothing forbids it, it runs as it is."""
    program = os.path.realpath(command[0])
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        enter(Rules(reads=("/",), writes=("/dev/null",), executes=executables(program)), libc)
    os.execv(command[0], list(command))


if __name__ == "__main__":
    main(sys.argv[1:])
