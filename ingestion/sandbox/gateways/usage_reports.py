"""A gateway that reports its usage in addition to its logs: the statuses of recon_usage_api.

    each day of the first month    a dozen calls of a New-API gateway in a separate source, two of them requested
                                   under a name that is mapped to the model of the others
    the day after                  the day's hours as the gateway sums them, wrong in turn or missing

The calls are charged correctly, so that only the sums have faults. The last day has no report yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from ingestion.sandbox.gateways.files import write_text
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.traffic import date_of

SOURCE = "new_api_reports"
SETTINGS = {"connector": "new_api", "streams": "[logs, data]"}
"""The source in sources.yml, and its settings."""

REPORTS = ("missing_log", "duplicate_log", "token_mismatch", "cost_mismatch", "rounding", "not_reported")
"""Faults of a day's report, in turn; the statuses they end in."""

DAYS = 31
_MODEL, _MAPPED = "openai/gpt-4o", "house/latest"
_CALLS = {_MODEL: 10, _MAPPED: 2}
_TOKENS_IN, _TOKENS_OUT, _QUOTA = 2_000, 500, 5_000
_RATIOS = {"model_ratio": 1.25, "group_ratio": 1, "completion_ratio": 4, "model_price": -1}
_CONSUME = 2
_USER = 1

#: Errors in the hour of the first model.
_OFF = {
    "missing_log": {"count": 1, "token_used": _TOKENS_IN + _TOKENS_OUT, "quota": _QUOTA},
    "duplicate_log": {"count": -1, "token_used": -_TOKENS_IN - _TOKENS_OUT, "quota": -_QUOTA},
    "token_mismatch": {"token_used": 7},
    "cost_mismatch": {"quota": 1_000},
    "rounding": {"quota": 1},
}


@dataclass
class ReportWriter:
    """Writes the calls and reports of a world of so many days, and records their faults."""

    home: Path
    days: int
    faults: list[Fault] = field(default_factory=list)

    def write(self) -> None:
        """Write every file that lands."""
        until = min(self.days, DAYS)
        for day in range(until):
            items = [_item(day, model, place) for model, calls in _CALLS.items() for place in range(calls)]
            self._land("logs", day, "calls.ndjson", "".join(f"{json.dumps(item)}\n" for item in items))
            wrong = REPORTS[(day - 1) % len(REPORTS)] if day else ""
            if day + 1 == until:
                wrong = "not_reported" if day else ""
            elif wrong != "not_reported":
                page = {"success": True, "message": "", "data": [_hour(day, name, wrong) for name in _CALLS]}
                self._land("data", day + 1, "hours.json", json.dumps(page) + "\n")
            if wrong:
                about = "all" if wrong == "not_reported" else _MODEL
                subject = f"{date_of(day)}/{about}"
                self.faults.append(Fault(f"usage_api_{wrong}", date_of(day).isoformat(), subject))

    def _land(self, stream: str, day: int, name: str, text: str) -> None:
        write_text(self.home / "landing" / SOURCE / stream / f"dt={date_of(day)}" / name, text)


def _item(day: int, model: str, place: int) -> dict[str, Any]:
    """Return a call as in the log: by its requested model."""
    mapping = {"is_model_mapped": True, "upstream_model_name": _MODEL} if model == _MAPPED else {}
    return {
        "user_id": _USER,
        "created_at": _hour_of(day) + 60 * place,
        "type": _CONSUME,
        "content": "",
        "model_name": model,
        "quota": _QUOTA,
        "prompt_tokens": _TOKENS_IN,
        "completion_tokens": _TOKENS_OUT,
        "request_id": f"reported-{day:02d}-{model.rpartition('/')[2]}-{place:02d}",
        "other": json.dumps(_RATIOS | mapping),
    }


def _hour(day: int, model: str, wrong: str) -> dict[str, Any]:
    """Return the gateway's sums of the hour with a day's calls of a model."""
    calls = _CALLS[model]
    sums = {"count": calls, "token_used": calls * (_TOKENS_IN + _TOKENS_OUT), "quota": calls * _QUOTA}
    off = _OFF.get(wrong, {}) if model == _MODEL else {}
    return {
        "user_id": _USER,
        "model_name": model,
        "created_at": _hour_of(day),
        **{name: value + off.get(name, 0) for name, value in sums.items()},
    }


def _hour_of(day: int) -> int:
    return int(datetime.combine(date_of(day), time(9), UTC).timestamp())
