"""Single calls: all fields of a request by name, for connectors that write one at a time.

A connector writes the fields its gateway has, in its gateway's format; it draws no random values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ingestion.sandbox.gateways.infron_log import request_ids
from ingestion.sandbox.world.faults import Charged
from ingestion.sandbox.world.prices import MODELS
from ingestion.sandbox.world.rating import unit_prices
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import STATUSES, Requests, date_of, midnight_ms

_FIRST_TOKEN_AFTER = 5
"""The first token comes after this fraction (1/n) of the duration."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Times are epoch milliseconds, money and unit prices 10⁻¹² USD, `factor` thousandths.

    Attributes:
        number: The request's place in its day.
        key, account: Numbers from 1 on of the API key and of its workspace.
        has_usage: Whether it used (and was charged for) anything; if not, its token counts mean nothing.
        prompt: Input tokens with the cached and the cache-written ones.
        cost: What the gateway charged.
        gross: What all token classes cost together before the factor.
        listed: What it would have cost without cache and factor; `discounted`: without cache.
    """

    request_id: str
    number: int
    started_ms: int
    duration_ms: int
    first_token_ms: int | None
    slug: str
    status: str
    http_status: int
    streamed: bool
    workspace_id: str
    account: int
    api_key_id: str
    key: int
    api_key_name: str
    member_id: str | None
    group: str
    prompt: int
    completion: int
    cached: int
    written_5m: int
    written_1h: int
    reasoning: int
    has_usage: bool
    cost: int
    completion_cost: int
    listed: int
    discounted: int
    factor: int
    input_price: int
    output_price: int
    cache_read_price: int
    cache_write_5m_price: int
    cache_write_1h_price: int

    @property
    def ended_ms(self) -> int:
        """When the answer was complete."""
        return self.started_ms + self.duration_ms

    @property
    def written(self) -> int:
        """Cache-written tokens of all lifetimes."""
        return self.written_5m + self.written_1h

    @property
    def plain(self) -> int:
        """Input tokens without cache reads and writes."""
        return self.prompt - self.cached - self.written

    @property
    def gross(self) -> int:
        """Every token class at its own price, before the factor."""
        return (
            self.plain * self.input_price
            + self.cached * self.cache_read_price
            + self.written_5m * self.cache_write_5m_price
            + self.written_1h * self.cache_write_1h_price
            + self.completion * self.output_price
        )

    @property
    def provider(self) -> str:
        """Who serves the model: the part of the slug before the slash."""
        return self.slug.partition("/")[0]

    @property
    def model(self) -> str:
        """The model's own name: the part of the slug after the slash."""
        return self.slug.partition("/")[2]


def calls(world: Tenants, seed: int, rows: Requests, charged: Charged) -> list[Call]:
    """Return the rows of a batch one by one."""
    started = midnight_ms(rows.day) + rows.at_ms
    unit = unit_prices(rows, date_of(rows.day))
    columns: tuple[np.ndarray, ...] = (
        request_ids(seed, rows.day, rows.number), rows.number, started, rows.duration_ms, rows.model,
        rows.status, rows.http_status, rows.streamed, rows.key, rows.member, rows.prompt, rows.completion,
        rows.cached, rows.written_5m, rows.written_1h, rows.reasoning, charged.has_usage, charged.cost,
        charged.completion, charged.list, charged.discounted, charged.factor, unit["input"], unit["output"],
        unit["cache_read"], unit["cache_write_5m"], unit["cache_write_1h"],
    )  # fmt: skip
    out = []
    for (
        request_id, number, start, duration, model, status, http_status, streamed, key_number, seat, *rest,
    ) in zip(*(column.tolist() for column in columns), strict=True):  # fmt: skip
        key = world.keys[key_number]
        space = world.workspaces[key.workspace]
        begins = streamed and STATUSES[status] == "success"
        out.append(
            Call(
                request_id, number, start, duration,
                start + duration // _FIRST_TOKEN_AFTER if begins else None,
                MODELS[model], STATUSES[status], http_status, streamed, space.workspace_id, key.workspace + 1,
                key.api_key_id, key_number + 1, key.name, space.members[seat] if seat >= 0 else None,
                key.group, *rest,
            )
        )  # fmt: skip
    return out


def moment(milliseconds: int) -> str:
    """Write epoch milliseconds in RFC 3339."""
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def usd(units: int) -> float:
    """Return 10⁻¹² USD as the float whose shortest text is that amount; exact below 1,000 USD."""
    return units / 10**12
