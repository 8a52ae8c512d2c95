"""Requests to a host's interface: JSON in and out, and one sentence when it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ..errors import ConfigError, StepError

#: Seconds.
TIMEOUT = 30
PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A host's interface."""

    url: str
    #: Headers, with the token; they are shown nowhere.
    headers: Mapping[str, str] = field(repr=False)
    #: What to do where the token may not.
    remedy: str

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise ConfigError(
                f"{self.url} is no address of an interface", remedies=["the runner sets it: leave it as it is"]
            )

    def ask(self, method: str, path: str, data: Mapping[str, str] | None = None) -> Any:
        """Return what the host answers.

        :raises StepError: it refuses, or does not answer.
        """
        body = None if data is None else json.dumps(data).encode()
        headers = {**self.headers, "Content-Type": "application/json", "User-Agent": "pgsafe"}
        request = Request(f"{self.url}{path}", method=method, data=body, headers=headers)  # noqa: S310 (checked above)
        try:
            with _opener().open(request, timeout=TIMEOUT) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            with error:
                remedies = [self.remedy] if error.code in {401, 403, 404} else ["try again later"]
                raise StepError(f"{self.url} answered {error.code} {error.reason}", remedies=remedies) from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise StepError(
                f"{self.url} does not answer: {reason}", remedies=["see whether this machine may reach it"]
            ) from None

    def pages(self, path: str) -> Iterator[Any]:
        """Yield the entries of a list, page by page."""
        number = 1
        while True:
            found = self.ask("GET", f"{path}per_page={PAGE}&page={number}")
            yield from found
            if len(found) < PAGE:
                return
            number += 1


def _opener() -> OpenerDirector:
    """Return one that is redirected nowhere: a token is for the host that it was given for."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener
