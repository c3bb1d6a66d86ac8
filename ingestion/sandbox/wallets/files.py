"""Write the credit wallets' events into a home: calls, invoices, top-ups and sums land, bookings are configuration.

    landing/infery_wallets/{requests,invoices,plans,usage_api}   landing/infery_team/usage
    landing/new_api_wallets/{logs,topups,data}                   config/credit_{packs,grants,balances}.csv

Every file holds one day's deliveries, and is empty on a day without calls. A call costs a cent for 2,000 input and 500
output tokens, by the price list and as charged, so that only the ledger has faults. Packs are paid through the world's
Stripe.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.sandbox.billing import BillingWriter
from ingestion.sandbox.billing.invoices import Invoice
from ingestion.sandbox.gateways.files import write_text
from ingestion.sandbox.wallets import CREDITS, NAMELESS, PER_CENT, QUOTA, Draw, Lot, midnight, wallet_plan
from ingestion.sandbox.wallets.ledger import WalletTruth
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.tenants import Workspace
from ingestion.sandbox.world.traffic import date_of

SOURCES = {
    CREDITS: {
        "connector": "infery",
        "usd_per_credit": 0.01,
        "streams": "[requests, invoices, plans, usage_api]",
    },
    NAMELESS: {"connector": "infery", "usd_per_credit": 0.01, "streams": "[usage]"},
    QUOTA: {"connector": "new_api", "streams": "[logs, topups, data]"},
}
"""The sources in sources.yml and their settings; streams without deliveries are left out because they take time."""

_MODEL = "openai/gpt-4o"
_TOKENS_IN, _TOKENS_OUT = 2_000, 500
_QUOTA_PER_CENT = PER_CENT["quota"]
_FIRST_INVOICE = 90_000
_LAST_DAY = 31
_ON_TIME = timedelta(days=1)
_TOPUP, _CONSUME, _REFUND = 1, 2, 6
_EXPORT = (
    "timestamp,model,api_key_id,prompt_tokens,completion_tokens,"
    "credits_used,request_id,latency_ms,fallback_depth"
)

Row = tuple[object, ...]


@dataclass
class WalletWriter:
    """Writes the wallets of a world of so many days, and holds the truth about them."""

    home: Path
    days: int
    seed: int

    def __post_init__(self) -> None:
        self.plan = wallet_plan(self.seed)
        self._truth = WalletTruth(self.plan, self.days)
        self._plan = self.plan.known(self.days)
        self._files: dict[str, list[str]] = defaultdict(list)

    def write(self, billing: BillingWriter) -> None:
        """Write every file that lands; what is bought is invoiced and paid through `billing`."""
        for day in range(min(self.days, _LAST_DAY + 1)):
            for source, stream, suffix in ((CREDITS, "requests", ".ndjson"), (NAMELESS, "usage", ".csv")):
                self._files[_file(source, stream, day, suffix)] = []
        for draw in self._plan.draws:
            if not draw.is_correction:
                self._use(draw)
        for number, lot in enumerate(self._plan.lots):
            if lot.source == CREDITS and lot.grant_status:
                self._invoice(lot, billing.sell(_invoice(lot, _FIRST_INVOICE + number)))
            if lot.source == QUOTA:
                self._top_up(lot, number)
        self._sum()
        for name, lines in sorted(self._files.items()):
            header = [_EXPORT] if name.endswith(".csv") else []
            write_text(self.home / "landing" / name, "".join(f"{line}\n" for line in [*header, *lines]))

    @property
    def faults(self) -> list[Fault]:
        """The late files among the wallets' deliveries."""
        late = Counter(
            (draw.at.date().isoformat(), date_of(draw.known_on).isoformat())
            for draw in self._plan.draws
            if date_of(draw.known_on) - draw.at.date() > _ON_TIME
        )
        return [
            Fault(
                "late_file",
                day,
                f"landing/{CREDITS}/requests/dt={delivered_on}/wallets.ndjson",
                detail={"delivered_on": delivered_on, "lines": lines},
            )
            for (day, delivered_on), lines in sorted(late.items())
        ]

    def packs(self) -> Iterator[Row]:
        """Yield the packs on sale as rows of credit_packs."""
        since = date_of(0)
        listed = {
            (_pack(lot), lot.cents, _lasts(lot))
            for lot in self._plan.lots
            if lot.source == CREDITS and lot.kind == "pack" and lot.promised
        }
        for pack, cents, lasts in sorted(listed, key=lambda one: one[0]):
            price = f"{cents // 100}.{cents % 100:02d}"
            yield CREDITS, pack, cents, price, "usd", "pack", lasts, since, "price list"

    def grants(self) -> Iterator[Row]:
        """Yield the grants booked by hand as rows of credit_grants, oldest first."""
        booked = [
            (lot.at, (lot.name, lot.source, lot.workspace), lot.cents, lot.kind, lot.priority, lot.expires_at)
            for lot in self._plan.lots
            if lot.kind in ("promotion", "opening", "adjustment")
        ] + [
            (draw.at, (draw.name, draw.source, draw.workspace), -draw.cents, "adjustment", 0, None)
            for draw in self._plan.draws
            if draw.is_correction
        ]
        for at, who, cents, kind, priority, ends in sorted(booked, key=lambda one: one[:2]):
            yield *who, at.date(), cents, kind, priority, ends.date() if ends else "", "agreed"

    def balances(self) -> Iterator[Row]:
        """Yield the balances read from the gateway as rows of credit_balances, oldest first."""
        for reading in sorted(self._plan.readings, key=lambda one: (one.day, one.workspace)):
            cents = self._truth.balance((reading.source, reading.workspace), reading.day) + reading.off
            yield reading.source, reading.workspace, date_of(reading.day), cents, "dashboard"

    def _use(self, draw: Draw) -> None:
        if draw.source == CREDITS:
            self._add(CREDITS, "requests", draw.known_on, _request(draw))
        elif draw.source == NAMELESS:
            self._line(NAMELESS, "usage", draw.known_on, _exported(draw), ".csv")
        else:
            self._add(
                QUOTA, "logs", draw.known_on, _log_item(_CONSUME, draw, draw.cents) | _charged(draw.cents)
            )

    def _invoice(self, lot: Lot, line: dict[str, Any]) -> None:
        if lot.kind == "renewal" and lot.known_on == 0:
            terms = {"workspace_id": lot.workspace, "plan": "monthly", "monthly_credits": lot.cents}
            since = {"monthly_credits_expire": True, "valid_from": _time(midnight(0))}
            self._add(CREDITS, "plans", 0, terms | since)
        self._add(CREDITS, "invoices", lot.known_on, line | {"pack": _pack(lot)})

    def _top_up(self, lot: Lot, number: int) -> None:
        if lot.kind == "refund":
            refund = _log_item(_REFUND, lot, lot.cents) | {"model_name": _MODEL}
            self._add(QUOTA, "logs", lot.known_on, refund)
            return
        if lot.promised:
            self._add(QUOTA, "topups", lot.known_on, _bought(lot, number))
        if lot.cents:
            self._add(QUOTA, "logs", lot.known_on, _log_item(_TOPUP, lot, lot.cents))

    def _sum(self) -> None:
        """Write the gateways' own sums: of Infery's keys over the whole day, of New-API's users by the hour."""
        by_day: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for one in self._plan.sums:
            used = {"prompt_tokens": one.cents * _TOKENS_IN, "completion_tokens": one.cents * _TOKENS_OUT}
            calls = {"requests": 1, **used, "credits_used": one.cents}
            if one.source == CREDITS:
                by_day[one.day].append({"api_key_id": _key(one.workspace), **calls})
                continue
            hour = {
                "user_id": int(one.workspace),
                "model_name": _MODEL,
                "created_at": _second(midnight(one.day)),
            }
            quota = one.cents * _QUOTA_PER_CENT
            hour |= {"token_used": quota * 4 // 5, "count": 1, "quota": quota}
            self._add(QUOTA, "data", one.day + 1, {"success": True, "message": "", "data": [hour]}, ".json")
        for day, data in by_day.items():
            ends = {"start": _time(midnight(day)), "end": _time(midnight(day + 1))}
            page = {"data": data, "group_by": "key", **ends, "has_more": False}
            self._add(CREDITS, "usage_api", day + 1, page, ".json")

    def _add(self, source: str, stream: str, day: int, row: dict[str, Any], suffix: str = ".ndjson") -> None:
        self._line(source, stream, day, json.dumps(row, separators=(",", ":")), suffix)

    def _line(self, source: str, stream: str, day: int, line: str, suffix: str) -> None:
        self._files[_file(source, stream, day, suffix)].append(line)


def _file(source: str, stream: str, day: int, suffix: str) -> str:
    return f"{source}/{stream}/dt={date_of(day)}/wallets{suffix}"


def _request(draw: Draw) -> dict[str, Any]:
    """Return a call as Infery's drill-down shows it."""
    moments = dict.fromkeys(("gateway_in", "provider_in", "provider_out", "gateway_out"), _time(draw.at))
    return {
        "request_id": draw.name,
        "timings": moments,
        "prompt_tokens": draw.cents * _TOKENS_IN,
        "completion_tokens": draw.cents * _TOKENS_OUT,
        "total_tokens": draw.cents * (_TOKENS_IN + _TOKENS_OUT),
        "credits_used": draw.cents,
        "model_requested": _MODEL,
        "model_used": _MODEL,
        "fallback": False,
        "member_id": None,
        "workspace_id": draw.workspace,
        "api_key_id": _key(draw.workspace),
        "source": "api",
    }


def _exported(draw: Draw) -> str:
    """Return a call as Infery's export lists it, without a workspace."""
    prompt, completion = draw.cents * _TOKENS_IN, draw.cents * _TOKENS_OUT
    values = (_time(draw.at), _MODEL, _key("team"), prompt, completion, draw.cents, draw.name, 0, 0)
    return ",".join(map(str, values))


def _log_item(kind: int, about: Lot | Draw, cents: int) -> dict[str, Any]:
    """Return the New-API log item of a top-up, a call or a refund."""
    return {
        "user_id": int(about.workspace or 0),
        "created_at": _second(about.at),
        "type": kind,
        "content": "",
        "quota": cents * _QUOTA_PER_CENT,
        "request_id": about.name,
        "other": "",
    }


def _charged(cents: int) -> dict[str, Any]:
    """Return a call's tokens and ratios, from which the quota formula gives its quota."""
    ratios = {"model_ratio": 1.25, "group_ratio": 1, "completion_ratio": 4, "model_price": -1}
    return {
        "model_name": _MODEL,
        "prompt_tokens": cents * _TOKENS_IN,
        "completion_tokens": cents * _TOKENS_OUT,
        "other": json.dumps(ratios, separators=(",", ":")),
    }


def _bought(lot: Lot, number: int) -> dict[str, Any]:
    """Return a purchase as New-API lists it."""
    promised = lot.promised or 0
    return {
        "id": number,
        "user_id": int(lot.workspace),
        # Whole dollars, at least 1: an amount of 0 is a plan.
        "amount": max(1, promised // 100),
        "money": promised / 100,
        "trade_no": lot.name,
        "payment_method": "stripe",
        "create_time": _second(lot.at) - 60,
        "complete_time": _second(lot.at),
        "status": "success",
    }


def _invoice(lot: Lot, number: int) -> Invoice:
    """Return the invoice of a lot, in US dollars without VAT."""
    space = Workspace(
        workspace_id=lot.workspace,
        name=lot.workspace,
        currency="usd",
        vat_treatment="reverse_charge",
        topup_every_days=0,
        topup_offset=0,
        pack=lot.cents,
        members=(),
    )
    kind = "renewal" if lot.kind == "renewal" else "topup"
    return Invoice(number, space, kind, lot.at, lot.cents, lot.cents, 0)


def _pack(lot: Lot) -> str:
    if lot.kind == "renewal":
        return "plan_monthly"
    if not lot.promised:
        return "pack_of_their_own"
    return f"trial_{lot.cents}" if lot.expires_at else f"pack_{lot.cents}"


def _lasts(lot: Lot) -> int | str:
    """Return how many days a pack is valid, including the first; empty if it does not expire."""
    return (lot.expires_at.date() - lot.at.date()) // timedelta(days=1) if lot.expires_at else ""


def _key(workspace: str | None) -> str:
    return f"key_{workspace}"


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
