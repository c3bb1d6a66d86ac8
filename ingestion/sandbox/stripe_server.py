"""A read-only Stripe on the loopback device, so that the real SDK can be run against a sandbox world.

    with StripeServer(home / "sandbox/stripe_objects.json") as stripe:
        client of the real SDK, base address stripe.url, key stripe.api_key

Answers `GET /v1/<kind>` and `GET /v1/<kind>/<id>` the way Stripe does: newest first, `limit`,
`starting_after`, `created[gt|gte|lt|lte]`, errors in Stripe's shape. Takes test keys only, listens on
127.0.0.1 only, changes nothing.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

API_KEY = "rk_test_sandbox"
KINDS = ("payment_intents", "charges", "refunds", "disputes", "invoices", "invoice_payments")

_TEST_KEY = re.compile(r"Bearer (sk|rk)_test_\w+")
_CREATED = re.compile(r"created\[(gte|gt|lte|lt)\]")
_LIMITS = range(1, 101)
_DEFAULT_LIMIT = 10


@dataclass(frozen=True)
class Request:
    """One request as the server saw it; the key is not kept."""

    path: str
    query: tuple[tuple[str, str], ...]
    version: str | None
    status: int


class Refused(Exception):
    """A request Stripe would answer with an error."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param = status, param


class StripeServer:
    """The server as a context manager: `url`, `api_key`, and every request it has seen in `requests`."""

    api_key = API_KEY

    def __init__(self, objects_file: Path) -> None:
        self._objects_file = objects_file
        self.requests: list[Request] = []

    def __enter__(self) -> StripeServer:
        served = _Served(json.loads(self._objects_file.read_text(encoding="utf-8")))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served, self.requests))
        self._server.daemon_threads = True
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


class _Served:
    """The objects, newest first, and the answers to questions about them."""

    def __init__(self, objects: dict[str, list[dict[str, Any]]]) -> None:
        self._lists = {kind: newest_first(objects.get(kind, [])) for kind in KINDS}
        self._by_id = {kind: {one["id"]: one for one in self._lists[kind]} for kind in KINDS}

    def answer(self, path: str, query: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        """Return the body for a path; raises Refused where Stripe would."""
        parts = path.strip("/").split("/")
        if parts[0] != "v1" or len(parts) not in (2, 3) or parts[1] not in KINDS:
            raise Refused(404, f"Unrecognized request URL (GET: {path}).")
        return self._one(parts[1], parts[2]) if len(parts) == 3 else self._page(parts[1], query)

    def _one(self, kind: str, identifier: str) -> dict[str, Any]:
        try:
            return self._by_id[kind][identifier]
        except KeyError:
            raise Refused(404, f"No such {kind[:-1]}: '{identifier}'", "id") from None

    def _page(self, kind: str, query: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        limit, cursor, bounds = _DEFAULT_LIMIT, None, []
        for name, value in query:
            if name == "limit":
                limit = _whole(value, name)
                if limit not in _LIMITS:
                    raise Refused(
                        400, f"This value must be between 1 and 100 (it currently is '{value}').", name
                    )
            elif name == "starting_after":
                cursor = value
            elif bound := _CREATED.fullmatch(name):
                bounds.append((bound[1], _whole(value, name)))
            else:
                raise Refused(400, f"Received unknown parameter: {name}", name)
        found = [
            one
            for one in self._after(kind, cursor)
            if all(_holds(one["created"], *bound) for bound in bounds)
        ]
        return {"object": "list", "url": f"/v1/{kind}", "has_more": len(found) > limit, "data": found[:limit]}

    def _after(self, kind: str, cursor: str | None) -> list[dict[str, Any]]:
        """Return what is older than the object a cursor names, whether or not the filters would show it."""
        if cursor is None:
            return self._lists[kind]
        if cursor not in self._by_id[kind]:
            raise Refused(400, f"No such {kind[:-1]}: '{cursor}'", "starting_after")
        return self._lists[kind][self._lists[kind].index(self._by_id[kind][cursor]) + 1 :]


def newest_first(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order objects as Stripe lists them; what was created in one second stands last in, first out."""
    numbered = sorted(enumerate(objects), key=lambda pair: (pair[1]["created"], pair[0]), reverse=True)
    return [one for _, one in numbered]


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


def _handler(served: _Served, log: list[Request]) -> type[BaseHTTPRequestHandler]:
    """Return the handler class of one server."""
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = tuple(parse_qsl(url.query, keep_blank_values=True))
            try:
                if not _TEST_KEY.fullmatch(self.headers.get("Authorization", "")):
                    raise Refused(401, "Invalid API Key provided; the sandbox takes test keys only.")
                status, body = 200, served.answer(url.path, query)
            except Refused as refused:
                error = {"type": "invalid_request_error", "message": str(refused), "param": refused.param}
                status, body = refused.status, {"error": error}
            log.append(Request(url.path, query, self.headers.get("Stripe-Version"), status))
            self._send(status, json.dumps(body).encode())

        def _refuse_to_write(self) -> None:
            self.close_connection = True
            message = {"error": {"type": "invalid_request_error", "message": "The sandbox is read-only."}}
            self._send(405, json.dumps(message).encode())

        do_POST = do_DELETE = do_PUT = do_PATCH = _refuse_to_write

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Request-Id", f"req_{next(numbers):08d}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing on the terminal: `requests` holds the log."""

    return Handler
