"""A read-only Stripe on the loopback device, so that the real SDK can be run against a sandbox world.

    with StripeServer(home / "sandbox/stripe_objects.json") as stripe:
        client of the real SDK, base address stripe.url, key stripe.api_key

Answers `GET /v1/<kind>` and `GET /v1/<kind>/<id>` like Stripe: newest first, `limit`, `starting_after`,
`created[gt|gte|lt|lte]`, errors in Stripe's shape. Accepts test keys only and changes nothing. The state served is that
at `clock`, which the caller may change; a script advances it by rows in the table `clock` with `seconds`.
stripe_history.py holds the state; loopback.py does listening, logging and faults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestion.sandbox.billing.stripe_history import Account, History, Object
from ingestion.sandbox.servers.loopback import Answer, LoopbackServer, Query, Rule

API_KEY = "rk_test_sandbox"
CLOCK = "clock"

_TEST_KEY = re.compile(r"Bearer (sk|rk)_test_\w+")
_CREATED = re.compile(r"created\[(gte|gt|lte|lt)\]")
_LIMITS = range(1, 101)
_DEFAULT_LIMIT = 10


class Refused(Exception):
    """A request Stripe would answer with an error."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param = status, param


class StripeServer(LoopbackServer):
    """The server as a context manager.

    Attributes:
        clock: epoch second of the served state; at first the end of everything in the file.
        versions: the API version each request stated.
    """

    api_key = API_KEY

    def __init__(self, objects_file: Path, clock: int | None = None, script: Sequence[Rule] = ()) -> None:
        super().__init__(script)
        self._history = History(json.loads(objects_file.read_text(encoding="utf-8")))
        self.clock = self._history.end if clock is None else clock
        self.versions: list[str | None] = []

    def answer(self, path: str, query: Query, headers: Mapping[str, str]) -> Answer:
        """Return Stripe's answer, with the request's number as its id."""
        self.versions.append(headers.get("Stripe-Version"))
        numbered = (("Request-Id", f"req_{len(self.versions):08d}"),)
        try:
            if not _TEST_KEY.fullmatch(headers.get("Authorization", "")):
                raise Refused(401, "Invalid API Key provided; the sandbox takes test keys only.")
            return Answer.of(body_of(self._history.at(self.clock), path, query), headers=numbered)
        except Refused as refused:
            error = {"type": "invalid_request_error", "message": str(refused), "param": refused.param}
            return Answer.of({"error": error}, refused.status, numbered)

    def arrive(self, rows: tuple[tuple[str, Mapping[str, Any]], ...]) -> None:
        """Advance the clock."""
        for table, row in rows:
            if table != CLOCK:
                raise ValueError(f"{table} arrives, but an account changes only by its clock")
            self.clock += row["seconds"]


def body_of(account: Account, path: str, query: Query) -> Object:
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
    """Return the objects older than the cursor's, whether or not the filters match it."""
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
    """Return whether a creation time satisfies one bound."""
    return {
        "gte": created >= second,
        "gt": created > second,
        "lte": created <= second,
        "lt": created < second,
    }[bound]
