"""The reasons of dbt_project.yml's variance_causes: why a charge differs from the cost, in the order they are tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import yaml

from dagster_project.dbt_runner.project import PROJECT_DIR


@dataclass(frozen=True)
class VarianceReason:
    """One value of fct_usage_costs.variance_reason.

    Attributes:
        reason: the value.
        rank: position in the table, from 1, where it is first tried.
        meaning: its meaning, and how it is recognised.
        what_to_do: what to do about it.
        part: the part of the variance it explains; empty where there is none, or only one side is known.
        summary: what happened; empty if it needs no action.
        seen_in: issues and pull requests in which it was seen.
        is_settled: whether it needs no action.
        claims_charge: whether nothing should have been charged, so that all of it is claimed back.
    """

    reason: str
    rank: int
    meaning: str
    what_to_do: str
    part: str = ""
    summary: str = ""
    seen_in: str = ""
    is_settled: bool = False
    claims_charge: bool = False


@cache
def variance_reasons() -> tuple[VarianceReason, ...]:
    """Return every reason once, by rank."""
    settings = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    return tuple(
        VarianceReason(
            cause["reason"],
            rank,
            cause["meaning"],
            cause["what_to_do"],
            cause.get("part", ""),
            cause.get("summary", ""),
            cause.get("seen_in", ""),
            cause.get("is_settled", False),
            cause.get("claims_charge", False),
        )
        for rank, cause in enumerate(settings["vars"]["variance_causes"], start=1)
        if "meaning" in cause
    )
