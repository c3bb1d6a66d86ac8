"""Edge cases: small separate sources, each with one kind of fault.

    litellm_edge        a call whose counts contradict each other, a call asked for as priority and served as default
                        but charged as priority, and calls with nothing wrong, every day
    new_api_edge        a charge explained only by an undeclared field
    damaged_gateway     every second line is cut off: its gate holds it back
    silent_gateway      two days of deliveries, although the cadence is daily
    vanishing_gateway   one delivery a day; `remove_landing` removes the first, like a lost mount

Amounts follow from gpt-4o and o4-mini at their list prices, in USD.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from ingestion.sandbox.gateways.files import write_text
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.traffic import date_of

LITELLM, NEW_API, DAMAGED, SILENT, VANISHING = (
    "litellm_edge",
    "new_api_edge",
    "damaged_gateway",
    "silent_gateway",
    "vanishing_gateway",
)
#: The sources in sources.yml, and their settings.
SOURCES: dict[str, dict[str, str]] = {
    LITELLM: {"connector": "litellm"},
    NEW_API: {"connector": "new_api"},
    DAMAGED: {"connector": "infron", "reject_threshold": "0.05", "reject_minimum_lines": "1"},
    SILENT: {"connector": "infron", "cadence": "daily"},
    VANISHING: {"connector": "infron"},
}
#: The field that explains the charge of new_api_edge.
UNKNOWN_FIELD = "deep_research_call_price"
SILENT_DAYS = 2
DAYS = 31


def price_overrides() -> str:
    """Return config/price_overrides.csv: priority as OpenAI lists it from October 2026 on, from the first day on."""
    first_day = date_of(0)
    return (
        "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
        f"openai,o4-mini-2025-04-16,input,2,,priority,{first_day},,priority as its provider lists it\n"
        f"openai,o4-mini-2025-04-16,output,8,,priority,{first_day},,priority as its provider lists it\n"
    )


@dataclass
class EdgeWriter:
    """Writes these sources for a world of so many days, and records their faults."""

    home: Path
    days: int
    faults: list[Fault] = field(default_factory=list)

    def write(self) -> None:
        """Write every file that lands."""
        for day in range(min(self.days, DAYS)):
            self._litellm(day)
            self._new_api(day)
            good = [_infron_call(VANISHING, day, number) for number in range(4)]
            self._land(VANISHING, day, good)
            broken = [_infron_call(DAMAGED, day, number) for number in range(2)]
            self._land(DAMAGED, day, [*broken, *(line[: len(line) // 2] for line in broken)])
            if day < SILENT_DAYS:
                self._land(SILENT, day, [_infron_call(SILENT, day, 0)])
        self._note("held_back_failed_gate", 0, DAMAGED)
        self._note("silent_source", min(self.days, SILENT_DAYS), SILENT)

    def _litellm(self, day: int) -> None:
        """gpt-4o: 4,000 × 2.5 + 100 × 10 per million = 0.011; o4-mini at priority: 4,000 × 2 + 100 × 8 = 0.0088."""
        usage = {"prompt_tokens": 4000, "completion_tokens": 100, "total_tokens": 4100}
        lines = [_payload(day, "plain", "gpt-4o-2024-08-06", usage, "0.011")]
        # A total that does not follow from the counts.
        impossible = usage | {"total_tokens": 9_999}
        lines.append(_payload(day, "contradictory", "gpt-4o-2024-08-06", impossible, "0.011"))
        # At the default tier it costs 4,000 × 1.1 + 100 × 4.4 per million = 0.00484.
        served = _payload(
            day,
            "not-served",
            "o4-mini-2025-04-16",
            usage,
            "0.0088",
            model_parameters={"service_tier": "priority"},
            response={"model": "o4-mini-2025-04-16", "service_tier": "default"},
        )
        lines.append(served)
        self._land(LITELLM, day, lines)
        self._note("contradictory_usage", day, _id(LITELLM, day, "contradictory"))
        self._note("service_tier_not_served", day, _id(LITELLM, day, "not-served"))

    def _new_api(self, day: int) -> None:
        """(2,000 + 500 × 4) × 1.25 = 5,000 quota; the new field costs 25 USD a thousand, 0.025 × 500,000 = 12,500."""
        other = {"model_ratio": 1.25, "group_ratio": 1, "completion_ratio": 4, "model_price": -1}
        items = []
        for number, (quota, more) in enumerate(((5_000, {}), (17_500, {UNKNOWN_FIELD: 25}))):
            items.append(
                {
                    "user_id": 1,
                    "created_at": _moment(day, number),
                    "type": 2,
                    "content": "",
                    "model_name": "openai/gpt-4o",
                    "quota": quota,
                    "prompt_tokens": 2_000,
                    "completion_tokens": 500,
                    "request_id": _id(NEW_API, day, str(number)),
                    "other": json.dumps(other | more),
                }
            )
        self._land(NEW_API, day, [json.dumps(item) for item in items])
        self._note("unknown_surcharge", day, _id(NEW_API, day, "1"))

    def _land(self, source: str, day: int, lines: Iterable[str]) -> None:
        place = self.home / "landing" / source / "logs" / f"dt={date_of(day)}" / "calls.ndjson"
        write_text(place, "".join(f"{line}\n" for line in lines))

    def _note(self, kind: str, day: int, subject: str) -> None:
        self.faults.append(Fault(kind, date_of(day).isoformat(), subject))


def remove_landing(home: Path) -> list[Path]:
    """Remove the first delivery of vanishing_gateway, like a lost mount; return the removed files."""
    folder = min((home / "landing" / VANISHING / "logs").iterdir())
    gone = sorted(folder.iterdir())
    for path in gone:
        path.unlink()
    return gone


def _id(source: str, day: int, name: str) -> str:
    return f"{source}-{day:02d}-{name}"


def _moment(day: int, number: int) -> int:
    return int(datetime.combine(date_of(day), time(9), UTC).timestamp()) + 60 * number


def _infron_call(source: str, day: int, number: int) -> str:
    """1,000 × 2.5 + 100 × 10 per million = 0.0035 USD."""
    return json.dumps(
        {
            "request_id": _id(source, day, str(number)),
            "created_at": datetime.fromtimestamp(_moment(day, number), UTC).isoformat(),
            "model": "openai/gpt-4o",
            "status": "success",
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": 100,
                "total_tokens": 1100,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cost": 0.0035,
            },
        }
    )


def _payload(
    day: int, name: str, model: str, usage: dict[str, Any], cost: str, **more: dict[str, Any]
) -> str:
    began = _moment(day, 0)
    return json.dumps(
        {
            "id": _id(LITELLM, day, name),
            "call_type": "acompletion",
            "status": "success",
            "startTime": began,
            "endTime": began + 2,
            "completionStartTime": began + 1,
            "custom_llm_provider": "openai",
            "model": model,
            "model_group": model,
            "response_cost": float(cost),
            **{key: usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")},
            "metadata": {"usage_object": usage},
            **more,
        }
    )
