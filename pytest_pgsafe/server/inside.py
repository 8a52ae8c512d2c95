"""PostgreSQL's programs inside of a container: files are carried in and out, output is streamed."""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ..errors import ServerError
from . import carrying, parameters
from .address import Address
from .base import Completed, Programs
from .carrying import Container
from .tied import GRACE
from .version import Version

#: Parameters that name files of this machine.
FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile")
#: Arguments: folder, program, its arguments. The shell's own pid is the program's after exec.
SCRIPT = 'cd "$0" && command -v "$1" >/dev/null || exit 127; echo $$ >pid; exec "$@" <stdin >&1'
#: The number of the stream in docker's protocol.
STDERR = 2


class ContainerPrograms(Programs):
    """Programs of an image, run in one of its containers."""

    def __init__(
        self,
        version: Version,
        *,
        origin: str,
        container: Container,
        inside: Callable[[Address], Address | None],
        outward: Callable[[], tuple[Container, str]],
    ) -> None:
        """Take the places where programs can run.

        :param inside: translates an address of the container's own server for use inside; None for other servers.
        :param outward: a second container that reaches what this machine reaches, and the name of this machine there.
        """
        self.version = version
        self.origin = origin
        self._container = container
        self._inside = inside
        self._outward = outward

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        address: Address | None = None,
        stdin: Path | None = None,
        stdout: Path | IO[bytes] | None = None,
        files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        deadline: float | None = None,
        confined: bool = False,  # noqa: ARG002 it is where nothing of this machine is
        through: Sequence[str] = (),  # noqa: ARG002 the same
    ) -> Completed:
        container, translated = self._place(address)
        folder = f"/tmp/pgsafe-{secrets.token_hex(8)}"  # noqa: S108 of the container's, and made 0700
        _check(container, ["mkdir", "-m", "700", folder])
        try:
            names = {path: f"{folder}/{number}/{path.name}" for number, path in enumerate(files)}
            carried = [(name, path) for path, name in names.items() if path.exists()]
            made = [path for path in names if not path.exists() or (path.is_dir() and not any(path.iterdir()))]
            variables = {"LC_MESSAGES": "C", **(environment or {})}
            content: dict[str, bytes] = {}
            if translated is not None:
                known = parameters.attended(parameters.known_to(self.version, translated))
                known, keys = _carried_keys(known, folder)
                carried += keys
                content |= _service(known, folder, variables)
            if stdin is None:
                content[f"{folder}/stdin"] = b""
            else:
                carried.append((f"{folder}/stdin", stdin))
            for number in range(len(files)):
                content[f"{folder}/{number}/"] = b""
            if not container.put_archive("/", carrying.packed(content, carried)):
                raise ServerError("files could not be carried into the container", looked_at=[self.origin])
            command = ["sh", "-c", SCRIPT, folder, program, *(_renamed(argument, names) for argument in arguments)]
            done = self._execute(container, command, variables, stdout=stdout, deadline=deadline)
            for path in made:
                carrying.unpack(container, names[path], path)
        finally:
            _check(container, ["rm", "-rf", folder])
        return Completed(command=(program, *arguments), returncode=done[0], stdout=done[1], stderr=done[2])

    def _place(self, address: Address | None) -> tuple[Container, Address | None]:
        if address is None:
            return self._container, None
        own = self._inside(address)
        if own is not None:
            return self._container, own
        host = address.parameters.get("host", "localhost")
        if host.startswith("/"):
            raise ServerError(
                f"the socket {host} cannot be reached from a container",
                remedies=["name the source by host=localhost", "--pgsafe-server=local"],
            )
        container, name = self._outward()
        if host in {"localhost", "127.0.0.1", "::1"}:
            address = address.with_(host=name, hostaddr=None)
        return container, address

    def _execute(
        self,
        container: Container,
        command: list[str],
        variables: dict[str, str],
        *,
        stdout: Path | IO[bytes] | None,
        deadline: float | None,
    ) -> tuple[int, str, str]:
        folder, program = command[3:5]
        ended = threading.Event()

        def end() -> None:
            ended.set()
            for name in ("TERM", "KILL"):
                execute(container, ["sh", "-c", f'kill -{name} "$(cat "$0/pid")"', folder])
                if finished.wait(GRACE):
                    return

        finished = threading.Event()
        with ExitStack() as stack:
            captured = io.BytesIO()
            target: IO[bytes] = captured
            if isinstance(stdout, Path):
                target = stack.enter_context(stdout.open("wb"))
            elif stdout is not None:
                target = stdout
            errors = io.BytesIO()
            timer = threading.Timer(deadline if deadline is not None else threading.TIMEOUT_MAX, end)
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
            try:
                code = execute(container, command, out=target, err=errors, environment=variables)
            except BaseException:
                end()
                raise
            finally:
                finished.set()
            if ended.is_set():
                timer.join()
                raise TimeoutError(f"{program} was ended: it had not finished after {deadline:g} s")
        if code == 127:
            raise ServerError(
                f"PostgreSQL {self.version} has no program {program} here",
                looked_at=[self.origin],
                remedies=["use an image that has it: --pgsafe-image=NAME"],
            )
        return code, _text(captured), _text(errors)


def _service(address: Address, folder: str, variables: dict[str, str]) -> dict[str, bytes]:
    """Return the service file, and the passfile that it may name, by their names inside; add what leads to it."""
    with address.service_file() as given:
        service = Path(given["PGSERVICEFILE"]).read_bytes()
        variables |= {**given, "PGSERVICEFILE": f"{folder}/service.conf"}
        for line in service.decode().splitlines():
            key, _, value = line.partition("=")
            if key == "passfile" and "passfile" not in address.parameters:
                return {
                    f"{folder}/service.conf": service.replace(value.encode(), f"{folder}/pass".encode()),
                    f"{folder}/pass": Path(value).read_bytes(),
                }
    return {f"{folder}/service.conf": service}


def _carried_keys(address: Address, folder: str) -> tuple[Address, list[tuple[str, Path]]]:
    """Return the address with its files' names inside, and those files."""
    carried: list[tuple[str, Path]] = []
    for name in FILES:
        value = address.parameters.get(name)
        if value and Path(value).is_file():
            carried.append((f"{folder}/{name}", Path(value)))
            address = address.with_(**{name: f"{folder}/{name}"})
    return address, carried


def _renamed(argument: str, names: Mapping[Path, str]) -> str:
    # The longest first: a folder and a file in it may both be named.
    for path, name in sorted(names.items(), key=lambda item: -len(str(item[0]))):
        if argument == str(path) or argument.endswith(f"={path}"):
            return argument[: len(argument) - len(str(path))] + name
    return argument


def execute(
    container: Container,
    command: Sequence[str],
    *,
    out: IO[bytes] | None = None,
    err: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command in a container as its root, and return its exit status."""
    frames_iter: Any = import_module("docker.utils.socket").frames_iter
    api = container.client.api
    run = api.exec_create(container.id, list(command), user="0", environment=dict(environment or {}))["Id"]
    # Not the SDK's own loop over the output: it never closes the connection.
    stream = api.exec_start(run, socket=True)
    try:
        for number, data in frames_iter(stream, tty=False):
            target = err if number == STDERR else out
            if target is not None:
                target.write(data)
    finally:
        # The response owns the connection; closing the stream first would make that fail.
        getattr(stream, "_response", stream).close()
    return int(api.exec_inspect(run)["ExitCode"])


def _check(container: Container, command: list[str]) -> None:
    said = io.BytesIO()
    if execute(container, command, err=said) != 0:
        raise ServerError(f"{command[0]} failed in the container: {_text(said)}")


def _text(output: io.BytesIO) -> str:
    return output.getvalue().decode("utf-8", "backslashreplace")
