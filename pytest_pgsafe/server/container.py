"""A server in a container, for one run."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg

from ..errors import ServerError
from . import reaper, serverlog
from .address import Address
from .base import Kind
from .capabilities import CHECKSUMS_BY_DEFAULT, JSON_LOG
from .carrying import Container
from .connection import connect
from .engine import Engine, ended, image_major, image_state, publishes_on_loopback
from .inside import ContainerPrograms, execute
from .owned import SETTINGS, OwnedServer, configuration
from .version import Version

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

#: Outside of the volume that the official image declares.
DATA = "/pgsafe/data"
CONFIGURATION = "/pgsafe.conf"
LABEL = "pytest-pgsafe.owner"
PORT = 5432
#: Seconds until a new server has to answer: initdb on a slow disk is most of it.
START = 120.0
INITDB = "--encoding=UTF8 --locale=C.UTF-8 --no-sync --auth=scram-sha-256"


class ContainerServer(OwnedServer):
    """A container of the official image, or of one that takes the same variables.

    Its port is published on the loopback address. Everything is removed when it is closed, and by a process beside
    this one when this one is gone; where testcontainers' own reaper can be had, that one watches too.
    """

    kind: ClassVar[Kind] = "container"

    def __init__(self, engine: Engine, image: str, *, reason: str) -> None:
        super().__init__()
        self.image = image
        self._engine = engine
        self._reason = reason
        self._owner = os.getpid()
        self._label = f"{LABEL}={secrets.token_hex(8)}"
        self._started: list[DockerContainer] = []
        self._reaper: subprocess.Popen[bytes] | None = None
        self._kept = False
        self._loopback = False

    @classmethod
    def start(
        cls,
        engine: Engine,
        image: str,
        *,
        settings: Mapping[str, str] | None = None,
        reason: str = "a container",
        keep: bool = False,
    ) -> ContainerServer:
        """Start a container; the image is pulled if need be.

        :param settings: of postgresql.conf, over :data:`~.owned.SETTINGS`.
        :param reason: for the report: why this server was chosen.
        :param keep: :meth:`keep` may be called later; testcontainers' reaper, which cannot be called off, is not used.
        :raises ServerError: the image cannot be had, or the server did not start; the end of its log is in the message.
        """
        errors: Any = import_module("docker.errors")
        requests: Any = import_module("requests")
        server = cls(engine, image, reason=reason)
        try:
            server._watch()
            server._run(settings or {}, reaper_too=not keep)
        except (errors.DockerException, requests.RequestException) as error:
            server.close()
            # Says whether it is the image that is missing.
            image_state(engine, image)
            raise ServerError(f"no container of {image} could be started: {error}") from error
        except BaseException:
            server.close()
            raise
        return server

    def _watch(self) -> None:
        self._reaper = subprocess.Popen(
            [sys.executable, reaper.__file__, self._label, str(self._owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._engine.variables,
            cwd="/",
            start_new_session=True,
        )
        assert self._reaper.stdout is not None
        # No container before somebody watches.
        self._reaper.stdout.readline()

    def _container(self, image: str) -> DockerContainer:
        from testcontainers.core.container import DockerContainer

        return self._prepared(DockerContainer(image, docker_client_kw=self._client_arguments()))

    def _client_arguments(self) -> dict[str, Any]:
        return {"environment": self._engine.variables}

    def _prepared(self, container: DockerContainer, **arguments: Any) -> DockerContainer:
        key, _, value = self._label.partition("=")
        self._started.append(container)
        return container.with_kwargs(labels={key: value}, **arguments)

    def _run(self, settings: Mapping[str, str], *, reaper_too: bool) -> None:
        from testcontainers.community.postgres import PostgresContainer

        class Postgres(PostgresContainer):
            def _connect(self) -> None:
                """Wait for nothing: the inherited one puts the password into a command line, once a second."""

        major = image_major(self._engine, self.image)
        password = secrets.token_urlsafe(24)
        container = Postgres(
            self.image,
            username="postgres",
            password=password,
            dbname="postgres",
            driver=None,
            docker_client_kw=self._client_arguments(),
        )
        container.with_env("PGDATA", DATA)
        container.with_env(
            "POSTGRES_INITDB_ARGS",
            INITDB + (" --no-data-checksums" if major and CHECKSUMS_BY_DEFAULT.known_to(major) else ""),
        )
        # Of the container's own network, which only its published port leads into.
        own = {**SETTINGS, "listen_addresses": "*", **settings}
        container.with_copy_into_container(configuration(own).encode(), CONFIGURATION)
        container.with_command(["-c", f"config_file={CONFIGURATION}"])
        self._loopback = publishes_on_loopback(self._engine)
        if self._loopback:
            container.ports = {f"{PORT}/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item]
        self._prepared(container, shm_size="1g")
        with testcontainers_reaper(self._engine, wanted=reaper_too):
            container.start()
        self._take_over(container, password)
        self.programs = ContainerPrograms(
            self.version,
            origin=f"image {self.image}",
            container=container.get_wrapped_container(),
            inside=self._seen_inside,
            outward=self._outward,
        )

    def _take_over(self, container: DockerContainer, password: str) -> None:
        """Wait until the server answers, and change the password, which stands in the container's environment."""
        host, port = self._published(container)
        self._address = Address({"host": host, "port": port, "user": "postgres", "password": password})
        until = time.monotonic() + START
        while True:
            try:
                with connect(self._address.with_(dbname="postgres"), connect_timeout=5) as session:
                    self.version = Version(session.info.server_version)
                break
            except psycopg.OperationalError as error:
                if ended(container.get_wrapped_container()) or time.monotonic() > until:
                    raise self._not_started(container, error) from error
                time.sleep(0.05)
        try:
            with connect(self.address(), read_only=False) as session:
                self._replace_password(session)
                # Not in the file: which of them there is depends on the major, which the image may not have told.
                session.execute(f"ALTER SYSTEM SET log_destination = {'csvlog' if self._csvlog else 'jsonlog'}")
                session.execute("SELECT pg_reload_conf()")
        except psycopg.OperationalError as error:
            raise self._not_started(container, error) from error

    def _published(self, container: DockerContainer) -> tuple[str, str]:
        """Return host and port at which the server answers."""
        try:
            # Not localhost: that may lead to another container that has the same port on ::1.
            host = "127.0.0.1" if self._loopback else container.get_container_host_ip()
            port = (
                container.get_docker_client().port(container.get_container_id(), PORT)
                if self._loopback
                else container.get_exposed_port(PORT)
            )
        except (OSError, RuntimeError) as error:
            # Ended before its port could be asked for.
            raise self._not_started(container, error) from error
        return host, str(port)

    def _not_started(self, container: DockerContainer, error: Exception) -> ServerError:
        wrapped: Container = container.get_wrapped_container()
        return ServerError(
            f"the server in a container of {self.image} did not start: {ended(wrapped) or str(error).strip()}",
            looked_at=wrapped.logs(tail=15).decode("utf-8", "replace").splitlines(),
            remedies=["--pgsafe-image=NAME for another image", "--pgsafe-server=local"],
        )

    @property
    def _csvlog(self) -> bool:
        return not JSON_LOG.known_to(self.version)

    def _seen_inside(self, address: Address) -> Address | None:
        return address.with_(host="127.0.0.1", hostaddr=None, port=str(PORT)) if self._is_here(address) else None

    def _outward(self) -> tuple[Container, str]:
        """Return a container in this machine's own network, and this machine's name there: to dump a source."""
        if len(self._started) < 2:
            container = self._container(self.image)
            with self._engine.client() as client:
                desktop: bool = "Docker Desktop" in str(client.info().get("OperatingSystem"))
            arguments: dict[str, Any] = {} if desktop else {"network_mode": "host"}
            self._started.remove(container)
            self._prepared(container, entrypoint=["sleep", "infinity"], **arguments)
            with testcontainers_reaper(self._engine, wanted=False):
                container.start()
            self._host_name = "host.docker.internal" if desktop else "127.0.0.1"
        return self._started[1].get_wrapped_container(), self._host_name

    def log(self, *, since: int = 0) -> tuple[Sequence[Mapping[str, object]], int]:
        path = f"{DATA}/log/pgsafe.{'csv' if self._csvlog else 'json'}"
        container: Container = self._started[0].get_wrapped_container()
        content = io.BytesIO()
        if execute(container, ["tail", "-c", f"+{since + 1}", path], out=content) != 0:
            return (), since
        return serverlog.parse(content.getvalue(), csvlog=self._csvlog, since=since)

    def describe(self) -> Mapping[str, str]:
        return {
            "kind": self.kind,
            "version": str(self.version),
            "origin": f"image {self.image}",
            "reason": f"{self._reason} ({self._engine.by})",
        }

    def keep(self) -> Sequence[str]:
        assert self._reaper is not None
        assert self._reaper.stdin is not None
        self._reaper.stdin.write(b"keep\n")
        self._reaper.stdin.flush()
        self._kept = True
        name = self._started[0].get_wrapped_container().name
        # Inside, the superuser's own socket wants the password too; a file of the container's holds it.
        return (
            f"connect: docker exec -it {name} env PGPASSFILE={self._passfile()} psql -h 127.0.0.1 -U postgres DATABASE",
            f"stop and remove it: docker rm -fv {name}",
        )

    def _passfile(self) -> str:
        path = "/pgsafe.pass"
        line = f"*:*:*:*:{self._address.parameters['password']}\n"
        self._started[0].copy_into_container(line.encode(), path, 0o600)
        return path

    def close(self) -> None:
        process = self._reaper
        if process is None or process.stdin is None or process.stdin.closed or os.getpid() != self._owner:
            return
        assert process.stdout is not None
        if not self._kept:
            for container in self._started:
                # Started half, or gone already: the reaper looks again.
                with contextlib.suppress(Exception):
                    container.stop()
        for container in self._started:
            container.get_docker_client().client.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.read()
        process.stdout.close()
        process.wait()


@contextlib.contextmanager
def testcontainers_reaper(engine: Engine, *, wanted: bool) -> Any:
    """Let testcontainers start its reaper only where its image can be had; other users of it in this process decide."""
    from testcontainers.core.config import testcontainers_config as settings

    before = settings.ryuk_disabled
    if not before:
        try:
            if wanted:
                image_state(engine, settings.ryuk_image)
            settings.ryuk_disabled = not wanted
        except ServerError:
            settings.ryuk_disabled = True
    try:
        yield
    finally:
        settings.ryuk_disabled = before
