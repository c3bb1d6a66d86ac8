"""A read-only Stripe on the loopback device, so that the real SDK can be run against a sandbox world.

    with StripeServer(home / "sandbox/stripe_objects.json") as stripe:
        client of the real SDK, base address stripe.url, key stripe.api_key

Answers `GET /v1/<kind>` and `GET /v1/<kind>/<id>` the way Stripe does: newest first, `limit`,
`starting_after`, `created[gt|gte|lt|lte]`, errors in Stripe's shape. Takes test keys only, listens on
127.0.0.1 only, changes nothing. The world is that of `clock`, which whoever holds the server may move; what
the world holds is stripe_history.py, what goes wrong on the way stripe_script.py.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ingestion.sandbox.stripe_history import Account, History, Object
from ingestion.sandbox.stripe_script import Disturbance, Script

API_KEY = "rk_test_sandbox"

_TEST_KEY = re.compile(r"Bearer (sk|rk)_test_\w+")
_CREATED = re.compile(r"created\[(gte|gt|lte|lt)\]")
_LIMITS = range(1, 101)
_DEFAULT_LIMIT = 10
_JSON, _HTML = "application/json", "text/html"
_PAGE = b"<html><body><h1>Bad gateway</h1></body></html>"
_NO_ANSWER = 0

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One request as the server saw it; the key is not kept. Status 0 is a connection that broke."""

    path: str
    query: Query
    version: str | None
    status: int


class Refused(Exception):
    """A request Stripe would answer with an error."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param = status, param


class StripeServer:
    """The server as a context manager: `url`, `api_key`, and every request it has seen in `requests`.

    Attributes:
        clock: the second, epoch, whose world is served; at first the end of everything in the file.
    """

    api_key = API_KEY

    def __init__(
        self, objects_file: Path, clock: int | None = None, script: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._history = History(json.loads(objects_file.read_text(encoding="utf-8")))
        self._script = Script(script)
        self.clock = self._history.end if clock is None else clock
        self.requests: list[Request] = []

    def __enter__(self) -> StripeServer:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base address to give to the SDK."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def disturbance(self, path: str) -> Disturbance | None:
        """Return what the script has for a request, once the clock and the silences have had their way."""
        due = self._script.next(path)
        if due is None or due.kind not in ("advance", "slow"):
            return due
        if due.kind == "advance":
            self.clock += int(due.seconds)
        else:
            time.sleep(due.seconds)
        return None

    def account(self) -> Account:
        """Return the account as it can be read now."""
        return self._history.at(self.clock)


class _Server(ThreadingHTTPServer):
    """Threads that end with the process, and no complaint about a client that has hung up."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave it to the client, which sees its own side of a broken connection."""


def answer(account: Account, path: str, query: Query) -> Object:
    """Return the body for a path; raises Refused where Stripe would."""
    parts = path.strip("/").split("/")
    if parts[0] != "v1" or len(parts) not in (2, 3) or parts[1] not in account.lists:
        raise Refused(404, f"Unrecognized request URL (GET: {path}).")
    return _one(account, parts[1], parts[2]) if len(parts) == 3 else _page(account, parts[1], query)


def _one(account: Account, kind: str, identifier: str) -> Object:
    try:
        return account.by_id[kind][identifier]
    except KeyError:
        raise Refused(404, f"No such {kind[:-1]}: '{identifier}'", "id") from None


def _page(account: Account, kind: str, query: Query) -> Object:
    limit, cursor, bounds = _DEFAULT_LIMIT, None, []
    for name, value in query:
        if name == "limit":
            limit = _whole(value, name)
            if limit not in _LIMITS:
                raise Refused(400, f"This value must be between 1 and 100 (it currently is '{value}').", name)
        elif name == "starting_after":
            cursor = value
        elif bound := _CREATED.fullmatch(name):
            bounds.append((bound[1], _whole(value, name)))
        else:
            raise Refused(400, f"Received unknown parameter: {name}", name)
    found = [
        one
        for one in _after(account, kind, cursor)
        if all(_holds(one["created"], *bound) for bound in bounds)
    ]
    return {"object": "list", "url": f"/v1/{kind}", "has_more": len(found) > limit, "data": found[:limit]}


def _after(account: Account, kind: str, cursor: str | None) -> list[Object]:
    """Return what is older than the object a cursor names, whether or not the filters would show it."""
    if cursor is None:
        return account.lists[kind]
    if cursor not in account.by_id[kind]:
        raise Refused(400, f"No such {kind[:-1]}: '{cursor}'", "starting_after")
    return account.lists[kind][account.lists[kind].index(account.by_id[kind][cursor]) + 1 :]


def _whole(value: str, name: str) -> int:
    """Read a whole number or refuse the request."""
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise Refused(400, f"Invalid integer: {value}", name)
    return int(value)


def _holds(created: int, bound: str, second: int) -> bool:
    """Say whether a creation time keeps one bound."""
    return {
        "gte": created >= second,
        "gt": created > second,
        "lte": created <= second,
        "lt": created < second,
    }[bound]


def _spoiled(body: Object, disturbance: Disturbance | None) -> Object:
    """Return a page as the script wants it to look."""
    if disturbance is not None and disturbance.kind == "empty_page":
        return body | {"data": [], "has_more": True}
    if disturbance is not None and disturbance.kind == "repeat":
        return body | {"data": body["data"][:1] + body["data"]}
    return body


def _error(message: str, param: str | None = None, kind: str = "invalid_request_error") -> bytes:
    """Return an error in Stripe's shape."""
    return json.dumps({"error": {"type": kind, "message": message, "param": param}}).encode()


def _handler(stripe: StripeServer) -> type[BaseHTTPRequestHandler]:
    """Return the handler class of one server."""
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = tuple(parse_qsl(url.query, keep_blank_values=True))
            due = stripe.disturbance(url.path)
            if due is not None and due.kind == "reset":
                self._note(url.path, query, _NO_ANSWER)
                self._break()
            elif due is not None and due.kind == "status":
                self._note(url.path, query, due.status)
                body = _PAGE if due.html else _error("The script says so.", kind="api_error")
                self._send(due.status, body, due.headers, _HTML if due.html else _JSON)
            else:
                status, body = self._answer(url.path, query, due)
                self._note(url.path, query, status)
                if due is not None and due.kind == "truncate":
                    self._send(status, body[: len(body) // 2], {"Content-Length": str(len(body))})
                    self.close_connection = True
                else:
                    self._send(status, body)

        def _answer(self, path: str, query: Query, due: Disturbance | None) -> tuple[int, bytes]:
            try:
                if not _TEST_KEY.fullmatch(self.headers.get("Authorization", "")):
                    raise Refused(401, "Invalid API Key provided; the sandbox takes test keys only.")
                return 200, json.dumps(_spoiled(answer(stripe.account(), path, query), due)).encode()
            except Refused as refused:
                return refused.status, _error(str(refused), refused.param)

        def _refuse_to_write(self) -> None:
            self.close_connection = True
            self._send(405, _error("The sandbox is read-only."))

        do_POST = do_DELETE = do_PUT = do_PATCH = _refuse_to_write

        def _note(self, path: str, query: Query, status: int) -> None:
            stripe.requests.append(Request(path, query, self.headers.get("Stripe-Version"), status))

        def _break(self) -> None:
            """Close so that the other side is reset instead of told."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def _send(
            self, status: int, body: bytes, headers: Mapping[str, str] | None = None, kind: str = _JSON
        ) -> None:
            length = {"Content-Type": kind, "Content-Length": str(len(body))}
            self.send_response(status)
            for name, value in (length | dict(headers or {})).items():
                self.send_header(name, value)
            self.send_header("Request-Id", f"req_{next(numbers):08d}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing on the terminal: `requests` holds the log."""

    return Handler
