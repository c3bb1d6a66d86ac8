"""What goes wrong between the fake Stripe and its client, as data: which requests, how, and how often.

    [{"path": "/v1/charges", "kind": "status", "status": 429, "headers": {"Retry-After": "2"}, "after": 1}]

    status      an error instead of the answer, in Stripe's shape or, with `html`, a proxy's page
    reset       the connection breaks without a byte
    truncate    half of the body, then the connection ends
    slow        `seconds` of silence before the answer
    empty_page  nothing in the page, but more is announced
    repeat      the first object of the page comes twice
    advance     the clock goes on by `seconds` just before the answer: the world changes under the reader

Nothing is drawn: the same requests meet the same script each time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DisturbanceKind = Literal["status", "reset", "truncate", "slow", "empty_page", "repeat", "advance"]


@dataclass(frozen=True)
class Disturbance:
    """One line of a script.

    Attributes:
        kind: what happens.
        path: regular expression that the whole path must match.
        after: how many matching requests pass first.
        times: how many are disturbed then.
        status: HTTP status of an error.
        headers: headers sent with an error.
        html: whether the error is a page instead of JSON.
        seconds: length of a silence, or how far the clock goes on.
    """

    kind: DisturbanceKind
    path: str = ".*"
    after: int = 0
    times: int = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    seconds: float = 0


class Script:
    """A script being played; every line counts its own requests."""

    def __init__(self, lines: Sequence[Mapping[str, Any]] = ()) -> None:
        self._lines = [Disturbance(**line) for line in lines]
        self._seen = [0] * len(self._lines)
        self._lock = threading.Lock()

    def next(self, path: str) -> Disturbance | None:
        """Return what happens to the next request of a path: the first line that is due, or nothing."""
        with self._lock:
            due = None
            for number, line in enumerate(self._lines):
                if re.fullmatch(line.path, path):
                    turn = self._seen[number] - line.after
                    self._seen[number] += 1
                    if due is None and 0 <= turn < line.times:
                        due = line
            return due
