"""Telling somebody: a JSON POST, or through apprise mail and chat. One that was refused was not told."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import ConfigError, StepError

#: Seconds.
TIMEOUT = 15.0
_SECRETS = re.compile(r"pass|pwd|secret|token|api_?key", re.IGNORECASE)
#: Addresses of chats whose path is the key to them.
_HOOKS = ("hooks.slack.com/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/", "outlook.office.com/webhook")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere becomes a GET without its content: nobody was told."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def check(url: str) -> None:
    """See that an address can be told anything, before there is anything to tell.

    :raises ConfigError: it is none, or the library for its kind is missing.
    """
    if urlsplit(url).scheme in {"http", "https"}:
        return
    if not urlsplit(url).scheme or not _apprise().Apprise().add(url):
        # The address itself may hold a password.
        raise ConfigError(
            "an address for alerts cannot be used",
            looked_at=[shown(url)],
            remedies=["write https://… for a JSON POST, or an address of apprise: mailto://, slack://, …"],
        )


def refuse_secret(url: str, origin: str, variable: str) -> None:
    """Refuse an address with a secret where others can read it.

    :param origin: where it stands: an argument, a key of the file.
    :param variable: where it belongs.
    :raises ConfigError: it holds one.
    """
    if _secret(url):
        raise ConfigError(
            f"{origin} holds an address with a secret, which others can read there",
            looked_at=[shown(url)],
            remedies=[f"put it into {variable}, with blanks between several, and leave it out here"],
        )


def _secret(url: str) -> bool:
    """Tell whether an address lets everybody who knows it in."""
    parts = urlsplit(url)
    if parts.password is not None or any(_SECRETS.search(name) for name, _ in parse_qsl(parts.query)):
        return True
    if parts.scheme in {"http", "https"}:
        return any(f"{parts.hostname}{parts.path}".startswith(hook) for hook in _HOOKS)
    found = _apprise().Apprise.instantiate(url)
    # It knows of each kind which parts are private, and hides them where it is asked to.
    return bool(found) and found.url(privacy=True) != found.url(privacy=False)


def send(url: str, title: str, body: Mapping[str, Any]) -> None:
    """Send one message.

    :raises StepError: it was refused, redirected, or nobody answered.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        messenger = _apprise().Apprise()
        messenger.add(url)
        if not messenger.notify(title=title, body="\n".join(f"{key}: {value}" for key, value in body.items())):
            raise StepError("an alert was not delivered", looked_at=[shown(url)])
        return
    request = urllib.request.Request(  # noqa: S310 (http and https alone)
        url,
        data=json.dumps({"title": title, **body}, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "pgsafe"},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise StepError(f"an alert was refused: {error.code} {error.reason}", looked_at=[shown(url)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise StepError(f"an alert was not delivered: {reason}", looked_at=[shown(url)]) from None


def shown(url: str) -> str:
    """Return an address without what may be secret in it: user, password, path and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"


def _apprise() -> Any:
    try:
        return import_module("apprise")
    except ImportError as error:
        raise ConfigError(
            "alerts by mail and chat need apprise", remedies=["pip install 'pytest-pgsafe[alerts]'"]
        ) from error
