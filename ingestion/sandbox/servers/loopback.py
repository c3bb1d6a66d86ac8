"""Base of the sandbox's servers: read-only HTTP on 127.0.0.1, a log of requests, and scripted faults.

    request ──► is a fault due? ──► the server's answer ──► log ──► sent, damaged or intact

A script is a list of rules: which requests (a pattern over path and query), which of them, which fault.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Query = tuple[tuple[str, str], ...]
Headers = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it, without credentials."""

    path: str
    query: Query
    status: int | None


@dataclass(frozen=True)
class Answer:
    """A response."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Headers = ()

    @classmethod
    def of(cls, content: Any, status: int = 200, headers: Headers = ()) -> Answer:
        """Return a JSON answer."""
        return cls(json.dumps(content, ensure_ascii=False).encode(), status, headers=headers)


@dataclass(frozen=True)
class Fault:
    """A fault of one answer.

    Attributes:
        kind: `answer` another answer; `reset` the connection breaks; `truncated` half the body, with the whole length
            announced; `cut` half the body as if it were whole; `slow` a late answer; `repeat` the previous answer
            again; `arrive` rows are added just before the answer.
        answer: The other answer.
        seconds: How late a slow answer is.
        rows: Rows that arrive: pairs of a table's name and a row.
    """

    kind: Literal["answer", "reset", "truncated", "cut", "slow", "repeat", "arrive"]
    answer: Answer | None = None
    seconds: float = 0.0
    rows: tuple[tuple[str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True)
class Rule:
    """One line of a fault script.

    Attributes:
        match: Pattern searched in `path?query`, decoded.
        nth: Which of the requests it matches, counted from 1; None for each.
        fault: The fault.
    """

    match: str
    nth: int | None
    fault: Fault


def refusing(status: int, message: str = "refused by script", retry_after: str | None = None) -> Fault:
    """Return a fault that answers with an error status, with or without `Retry-After`."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Fault("answer", Answer.of({"error": {"message": message}}, status, headers))


def web_page(status: int = 200) -> Fault:
    """Return a fault that answers with a web page, as proxies in between do."""
    page = b"<html><body><h1>Just a moment</h1></body></html>"
    return Fault("answer", Answer(page, status, "text/html; charset=utf-8"))


def saying(content: Any) -> Fault:
    """Return a fault that answers 200 with other content, such as a failure without a failing status."""
    return Fault("answer", Answer.of(content))


class LoopbackServer(ABC):
    """A server as a context manager: `url`, and every request it has seen in `requests`."""

    def __init__(self, script: Sequence[Rule] = ()) -> None:
        self.requests: list[Asked] = []
        self._rules = [(re.compile(rule.match), rule) for rule in script]
        self._matched = [0] * len(self._rules)
        self._last: Answer | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @abstractmethod
    def answer(self, path: str, query: Query, headers: Mapping[str, str]) -> Answer:
        """Return the true answer to a request."""

    def arrive(self, rows: tuple[tuple[str, Mapping[str, Any]], ...]) -> None:
        """Add rows that a script lets arrive."""
        raise NotImplementedError(f"{type(self).__name__} takes no rows")

    def date(self) -> str | None:
        """Return the `Date` header's text; None for this machine's clock."""
        return None

    def __enter__(self) -> LoopbackServer:
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def respond(
        self, path: str, query: Query, headers: Mapping[str, str]
    ) -> tuple[Answer | None, Fault | None]:
        """Return the answer and its fault; no answer means that the connection breaks."""
        with self._lock:
            fault = self._fault("?".join((path, "&".join(f"{name}={value}" for name, value in query))))
            before = self._last
            if fault and fault.kind == "arrive":
                self.arrive(fault.rows)
            answer: Answer | None = self.answer(path, query, headers)
            self._last = answer
            if fault and fault.kind == "answer":
                answer = fault.answer
            elif fault and fault.kind == "repeat":
                answer = before or answer
            elif fault and fault.kind == "cut":
                answer = replace(answer, body=answer.body[: len(answer.body) // 2])
            elif fault and fault.kind == "reset":
                answer = None
            self.requests.append(Asked(path, query, answer.status if answer else None))
        if fault and fault.kind == "slow":
            self._stopping.wait(fault.seconds)
        return answer, fault

    def _fault(self, target: str) -> Fault | None:
        """Count a request against every rule; return the first fault that is due."""
        due = None
        for place, (pattern, rule) in enumerate(self._rules):
            if pattern.search(target):
                self._matched[place] += 1
                if due is None and rule.nth in (None, self._matched[place]):
                    due = rule.fault
        return due


class _Quiet(ThreadingHTTPServer):
    """A server that does not report clients that closed the connection."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: scripts make clients give up on purpose."""


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    """Return the handler class of one server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = tuple(parse_qsl(url.query, keep_blank_values=True))
            answer, fault = server.respond(url.path, query, self.headers)
            if answer is None:
                self._break()
            else:
                self._send(answer, half=fault is not None and fault.kind == "truncated")

        def _refuse_to_write(self) -> None:
            self.close_connection = True
            self._send(Answer.of({"error": {"message": "The sandbox is read-only."}}, 405))

        do_POST = do_DELETE = do_PUT = do_PATCH = _refuse_to_write

        def _send(self, answer: Answer, half: bool = False) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if half else answer.body)
            self.close_connection = self.close_connection or half

        def _break(self) -> None:
            """Close without waiting, which the client sees as a reset."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Use the server's own clock if it has one."""
            return server.date() or super().date_time_string(timestamp)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing: `requests` holds the log."""

    return Handler
