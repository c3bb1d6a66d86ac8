"""A home with a published file written by hand, a mail server and a webhook receiver on loopback."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import duckdb
import pytest
from aiosmtpd.smtp import SMTP

from dagster_project.alerts.channels import VARIABLE
from ingestion.home import Home

INCIDENT_COLUMNS = {
    "anomaly_id": "varchar",
    "detector": "varchar",
    "subject_type": "varchar",
    "subject_id": "varchar",
    "source": "varchar",
    "workspace_id": "varchar",
    "api_key_id": "varchar",
    "model": "varchar",
    "direction": "varchar",
    "severity": "varchar",
    "first_date": "date",
    "last_date": "date",
    "peak_date": "date",
    "expected_usd": "decimal(38, 12)",
    "seen_usd": "decimal(38, 12)",
    "excess_usd": "decimal(38, 12)",
    "contributors": "varchar",
    "evidence_sql": "varchar",
    "status": "varchar",
    "is_new": "boolean",
}
BUDGET_COLUMNS = {
    "kind": "varchar",
    "allowance_id": "varchar",
    "source": "varchar",
    "scope": "varchar",
    "subject": "varchar",
    "billing_month": "date",
    "is_current_month": "boolean",
    "as_of_date": "date",
    "allowance": "decimal(38, 12)",
    "used": "decimal(38, 12)",
    "used_share": "decimal(18, 6)",
    "unpriced_requests": "bigint",
    "forecast": "decimal(38, 12)",
    "forecast_share": "decimal(18, 6)",
}

CREDIT_COLUMNS = {
    "source": "varchar",
    "workspace_id": "varchar",
    "event_date": "date",
    "unit": "varchar",
    "granted_micro": "bigint",
    "closing_micro": "bigint",
    "run_out_date": "date",
}

STATUS_COLUMNS = {
    "source": "varchar",
    "as_of_date": "date",
    "silent_since": "date",
    "silent_streams": "varchar",
}


def incident(anomaly_id: str = "a1", **changed: Any) -> dict[str, Any]:
    """A spike of 10 USD where 2 were expected, on the third of November."""
    return {
        "anomaly_id": anomaly_id,
        "detector": "daily_spend",
        "subject_type": "key",
        "subject_id": "key_1",
        "source": "infron",
        "workspace_id": "ws_1",
        "api_key_id": "key_1",
        "model": None,
        "direction": "spike",
        "severity": "high",
        "first_date": "2026-11-03",
        "last_date": "2026-11-03",
        "peak_date": "2026-11-03",
        "expected_usd": "2",
        "seen_usd": "10",
        "excess_usd": "8",
        "contributors": "gpt-4o +8.00 USD",
        "evidence_sql": "from fct_usage_costs where api_key_id = 'key_1'",
        "status": "open",
        "is_new": True,
        **changed,
    }


def budget(used: str, **changed: Any) -> dict[str, Any]:
    """A budget of 100 USD for November, of which so much is used."""
    return {
        "kind": "budget",
        "allowance_id": "team",
        "source": None,
        "scope": "workspace",
        "subject": "ws_1",
        "billing_month": "2026-11-01",
        "is_current_month": True,
        "as_of_date": "2026-11-10",
        "allowance": "100",
        "used": used,
        "used_share": float(used) / 100,
        "unpriced_requests": 0,
        "forecast": used,
        "forecast_share": float(used) / 100,
        **changed,
    }


def wallet_day(event_date: str, credits: int, run_out_date: str | None, granted: int = 0) -> dict[str, Any]:
    """A day of the credits of ws_1 on infery."""
    return {
        "source": "infery",
        "workspace_id": "ws_1",
        "event_date": event_date,
        "unit": "credit",
        "granted_micro": granted * 1_000_000,
        "closing_micro": credits * 1_000_000,
        "run_out_date": run_out_date,
    }


def publish(
    home: Home,
    incidents: Sequence[Mapping[str, Any]] = (),
    budgets: Sequence[Mapping[str, Any]] = (),
    wallet_days: Sequence[Mapping[str, Any]] = (),
    statuses: Sequence[Mapping[str, Any]] = (),
    without: Sequence[str] = (),
) -> None:
    """Write tollbook.duckdb anew, with the tables that alerts read; `without` leaves columns out."""
    home.published_database.unlink(missing_ok=True)
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute("create schema published.marts")
        for name, columns, rows in (
            ("fct_anomalies", INCIDENT_COLUMNS, incidents),
            ("rpt_budgets", BUDGET_COLUMNS, budgets),
            ("fct_credit_balances_daily", CREDIT_COLUMNS, wallet_days),
            ("rpt_source_status", STATUS_COLUMNS, statuses),
        ):
            kept = {column: kind for column, kind in columns.items() if column not in without}
            marts.execute(
                f"create table published.marts.{name} ({', '.join(f'{c} {k}' for c, k in kept.items())})"
            )
            for row in rows:
                marts.execute(
                    f"insert into published.marts.{name} values ({', '.join('?' * len(kept))})",
                    [row[column] for column in kept],
                )


@dataclass
class MailServer:
    """Keeps every message it accepts."""

    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        content = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(content)
        return "250 accepted"

    @property
    def ids(self) -> list[str]:
        return [str(message["X-Tollbook-Message-Id"]) for message in self.messages]


@dataclass
class Webhook:
    """Keeps every request it gets; answers 200, or 503 while it is down."""

    url: str = ""
    is_down: bool = False
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.requests]

    @property
    def ids(self) -> list[str]:
        return [headers["X-Tollbook-Message-Id"] for headers, _ in self.requests]

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.bodies]


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server; the channel `mail` leads to it."""
    handler = MailServer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = loop.create_server(lambda: SMTP(handler, loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result(10)
    try:
        [(_, port)] = [socket.getsockname() for socket in server.sockets]
        monkeypatch.setenv(
            f"{VARIABLE}MAIL",
            f"mailto://127.0.0.1:{port}?from=tollbook@example.com&to=ops@example.com&mode=insecure",
        )
        yield handler
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """A webhook receiver; the channel `hook` leads to it, with a password in its URL."""
    receiver = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not receiver.is_down:
                receiver.requests.append((dict(self.headers), body))
            self.send_response(503 if receiver.is_down else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        receiver.url = (
            f"json://robot:{SECRET}@127.0.0.1:{server.server_port}/{SECRET}path?+X-Api={SECRET}head"
        )
        monkeypatch.setenv(f"{VARIABLE}HOOK", receiver.url)
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


#: Stands in every place of the webhook's URL that may hold a secret.
SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-04")
