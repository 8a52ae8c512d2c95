"""The container engine: where it answers (Docker, Podman and their relatives), and whether an image can be had."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import socket
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import ServerError
from .version import Version

#: Seconds for an engine to answer, and for it to ask a registry: finding out must not take longer than starting.
ANSWER, REGISTRY = 3, 5
REMEDIES = (
    "start Docker or Podman (podman system service), or set DOCKER_HOST to where it answers",
    "--pgsafe-server=local for PostgreSQL programs of this machine",
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers."""

    #: ``unix://…``, ``tcp://…``, ``ssh://…``.
    host: str
    #: For people: how it was found.
    by: str

    @property
    def is_local(self) -> bool:
        """Whether a port published on the loopback address there is one of this machine's."""
        return self.host.startswith("unix://")

    @property
    def variables(self) -> dict[str, str]:
        """The environment that leads docker's client to it."""
        return {**os.environ, "DOCKER_HOST": self.host}

    @contextmanager
    def client(self, *, seconds: int = 60) -> Generator[Any]:
        """Yield a client of docker's SDK.

        :param seconds: how long one answer may take.
        """
        with closing(_client(self, seconds)) as client:
            yield client


def _client(engine: Engine, seconds: int) -> Any:
    # By name: docker's SDK brings no types of its own.
    return import_module("docker").from_env(
        environment=engine.variables, timeout=seconds, use_ssh_client=engine.host.startswith("ssh://")
    )


def find() -> Engine:
    """Return the first engine that answers.

    :raises ServerError: with every place that was looked at.
    """
    looked_at: list[str] = []
    for host, by in _candidates():
        parts = urlsplit(host)
        if parts.scheme == "unix" and not Path(parts.path).exists():
            looked_at.append(f"{by}: {host}: no such socket")
            continue
        engine = Engine(host=host, by=by)
        answer = _ping(engine)
        if answer is None:
            return engine
        looked_at.append(f"{by}: {host}: {answer}")
    raise ServerError("no container engine answers", looked_at=looked_at, remedies=REMEDIES)


def _ping(engine: Engine) -> str | None:
    """Return why an engine does not answer; None when it does."""
    try:
        if engine.is_local:
            # First by ourselves: docker's SDK leaves a socket open that cannot be connected.
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
                connection.settimeout(ANSWER)
                connection.connect(urlsplit(engine.host).path)
        with engine.client(seconds=ANSWER) as client:
            client.ping()
    # Every transport has errors of its own (requests, ssh, TLS); whichever it is, there is no engine here.
    except Exception as error:
        return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return None


def _candidates() -> Iterator[tuple[str, str]]:
    """Yield hosts, in docker's own order; an explicit setting is the only one."""
    if host := os.environ.get("DOCKER_HOST"):
        yield host, "DOCKER_HOST"
        return
    if context := _context():
        yield context, "docker context"
        return
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 Path.home() raises where there is none
    run = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    for path, by in (
        (Path("/var/run/docker.sock"), "Docker"),
        (run / "docker.sock", "rootless Docker"),
        (home / ".docker" / "run" / "docker.sock", "Docker Desktop"),
        (home / ".colima" / "default" / "docker.sock", "Colima"),
        (home / ".rd" / "docker.sock", "Rancher Desktop"),
        (run / "podman" / "podman.sock", "Podman"),
        (Path("/run/podman/podman.sock"), "Podman"),
    ):
        yield f"unix://{path}", by


def _context() -> str | None:
    """Return the host of the docker context in use, None for the default one."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))  # noqa: PTH111
    name = os.environ.get("DOCKER_CONTEXT")
    try:
        if name is None:
            name = str(json.loads((folder / "config.json").read_text("utf-8")).get("currentContext", "default"))
        if name == "default":
            return None
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_text("utf-8"))
        return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


Had = Literal["present", "to be pulled"]


def image_state(engine: Engine, image: str) -> Had:
    """Tell whether an image is there, or the engine can get it; nothing is pulled.

    :raises ServerError: neither.
    """
    errors: Any = import_module("docker.errors")
    requests: Any = import_module("requests")

    try:
        with engine.client(seconds=REGISTRY) as client:
            try:
                client.images.get(image)
            except errors.ImageNotFound:
                client.images.get_registry_data(image)
                return "to be pulled"
            return "present"
    except (errors.DockerException, requests.RequestException) as error:
        said = getattr(error, "explanation", None) or str(error) or type(error).__name__
        raise ServerError(
            f"the image {image} is not there and cannot be pulled",
            looked_at=[f"{engine.by}: {engine.host}: {str(said).splitlines()[0][:300]}"],
            remedies=[
                f"docker pull {image} where a registry can be reached, or docker load it",
                "--pgsafe-image=NAME for an image that is there",
                *REMEDIES[1:],
            ],
        ) from error


def publishes_on_loopback(engine: Engine) -> bool:
    """Tell whether a port that the engine publishes on its loopback address is one of this machine's."""
    # A container that was given the socket of its host has another loopback address than the engine.
    return engine.is_local and (not Path("/.dockerenv").exists() or _shares_network(engine))


def _shares_network(engine: Engine) -> bool:
    """Tell whether the engine's bridge is an interface of this machine, although this looks like a container.

    The engine of a container that was given the socket of its host publishes on the host's loopback address.
    """
    errors: Any = import_module("docker.errors")
    try:
        with engine.client() as client:
            configurations: list[dict[str, str]] = client.networks.get("bridge").attrs["IPAM"]["Config"] or []
    except errors.NotFound:
        return False
    for subnet in configurations:
        # An engine that was not restarted yet does not say which it took: the subnet's first.
        network = ipaddress.ip_network(subnet["Subnet"])
        gateway = subnet.get("Gateway") or str(network[1])
        family = socket.AF_INET if network.version == 4 else socket.AF_INET6
        with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            try:
                probe.bind((gateway, 0))
            except OSError:
                continue
        return True
    return False


def image_major(engine: Engine, image: str) -> int | None:
    """Return the major that an image is of, by its own variables or its tag; None if they do not say.

    The image is pulled if need be.
    """
    errors: Any = import_module("docker.errors")
    with engine.client() as client:
        try:
            found = client.images.get(image)
        except errors.ImageNotFound:
            found = client.images.pull(*_name_and_tag(image))
        variables = dict(line.partition("=")[::2] for line in found.attrs["Config"].get("Env") or ())
    for text in (variables.get("PG_MAJOR"), variables.get("PG_VERSION"), image.rpartition(":")[2]):
        with contextlib.suppress(ValueError):
            return Version.parse(text or "").major
    return None


def ended(container: Any) -> str | None:
    """Say how a container ended; None while it runs.

    :param container: docker.models.containers.Container.
    """
    container.reload()
    state = container.attrs["State"]
    if state["Status"] in {"created", "running"}:
        return None
    # 128 and the number of SIGKILL: a server of its own account ends otherwise.
    killed = "; it was killed: by somebody, or by the kernel for want of memory" if state["ExitCode"] == 137 else ""
    return f"the container ended with exit status {state['ExitCode']}{killed}"


def _name_and_tag(image: str) -> tuple[str, str | None]:
    name, colon, tag = image.rpartition(":")
    # A colon before a slash is a registry's port.
    return (name, tag) if colon and "/" not in tag else (image, "latest")
