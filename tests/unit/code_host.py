"""A code host's interface, as far as a comment needs it: GitHub's and GitLab's, over HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "t0ken-of-nobody"
_ONE = re.compile(r"/(?:comments|notes)/(\d+)$")


@dataclass
class Host:
    """What is there, in the form of both hosts."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    #: What every request is answered with instead.
    status: int = 200
    #: Whether the token is a job's own, which may not ask whose it is.
    job: bool = False
    url: str = ""

    def add(self, text: str, *, login: str = "me", app: str | None = None) -> None:
        self.comments.append(
            {
                "id": len(self.comments) + 1,
                "body": text,
                "html_url": f"https://host/{len(self.comments) + 1}",
                "user": {"login": login},
                "author": {"username": login},
                "performed_via_github_app": None if app is None else {"slug": app},
            }
        )

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        self.calls.append(f"{method} {path}")
        if self.status != 200:
            return self.status, {"message": "no"}
        if path.startswith("/user"):
            return (403, {}) if self.job else (200, {"login": "me", "username": "me"})
        if method == "GET":
            page = int(re.findall(r"[?&]page=(\d+)", path)[0])
            return 200, self.comments[(page - 1) * 100 : page * 100]
        if method == "POST":
            self.add(data["body"], app="github-actions")
            return 201, self.comments[-1]
        number = _ONE.search(path)
        assert number is not None, path
        comment = self.comments[int(number[1]) - 1]
        comment["body"] = data["body"]
        return 200, comment


@contextmanager
def serving() -> Iterator[Host]:
    """Serve a host's interface until the block ends."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("PRIVATE-TOKEN")
            if given != TOKEN:
                status, found = 401, {}
            else:
                status, found = host.answer(self.command, self.path, json.loads(data) if data else None)
            body = json.dumps(found).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
