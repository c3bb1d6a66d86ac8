"""Settings in sources.yml for what a gateway leaves open: units, conventions, whether a call's time is its start or
end.

    sources:
      aisa: {connector: aisa, time_basis: end, quota_per_unit: 500000}

Written to raw as one small table, so that staging SQL can join it: one row per source, or per period of its
quota. A missing setting is null there, and staging uses the connector's default.

Rulings: docs/decisions/days.md#days-2.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ingestion.files import write_if_changed
from ingestion.home import Home

COLUMNS = {
    "source": pl.String(),
    "connector": pl.String(),
    "time_zone": pl.String(),
    "time_basis": pl.String(),
    "billing_time_zone": pl.String(),
    "vat_time_zone": pl.String(),
    "quota_per_unit": pl.Int64(),
    "quota_valid_from": pl.Date(),
    "quota_valid_to": pl.Date(),
    "usd_per_credit": pl.Decimal(18, 12),
    "discount_convention": pl.String(),
    "usage_semantic": pl.String(),
    "charge_rounding": pl.String(),
    "trusted_ids": pl.Boolean(),
}


class QuotaPeriod(BaseModel):
    """How many quota units one USD is, from a UTC day on; without a day from the beginning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[int, Field(gt=0, le=10**12)]
    valid_from: date | None = None


def _periods(value: Any) -> Any:
    """Accept a number, or a list of dated ones, sorted by day."""
    if isinstance(value, int) and not isinstance(value, bool):
        return ({"value": value},)
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(
            f"{value!r} is not a quota; write a whole number such as 500000,"
            " or a list such as [{value: 500000}, {value: 600000, valid_from: 2026-07-01}]"
        )
    periods = sorted(value, key=lambda entry: str(entry.get("valid_from") or ""))
    days = [entry.get("valid_from") for entry in periods]
    if None in days[1:] or len(set(days)) != len(days):
        raise ValueError("only the first value may be without valid_from; write one for each other value")
    return periods


def known_zone(value: str) -> str:
    """Return the IANA name of a time zone; refuse anything else."""
    if value != "UTC" and value not in available_timezones():
        raise ValueError(f"{value!r} is not a time zone; write an IANA name such as UTC or Europe/London")
    return str(ZoneInfo(value))


class Conventions(BaseModel):
    """Settings of a source that decide what its figures mean.

    Attributes:
        time_basis: Whether a call's time is its start or its end.
        billing_time_zone: IANA zone whose days and months it bills by; UTC by default.
        vat_time_zone: IANA zone whose days and months its invoices belong to for VAT; Europe/London by default.
        quota_per_unit: Quota units of one USD: a number, or a list of {value, valid_from}.
        usd_per_credit: Price of a credit, if it is agreed and does not follow from packs.
        discount_convention: How a discount of a tenth is written: to_pay 0.9, off 0.1, percent_off 10.
        usage_semantic: Whether prompt tokens include cache reads (openai) or not (anthropic), where a record does not
            say.
        charge_rounding: How a charge becomes a whole number of quota units: to the nearest and half away from
            zero, up (One-API since its #627), or down (One-API before, and New-API 0.6 for Claude).
        trusted_ids: Whether the `id` of a log item of the New-API family is its key: true where all its files were
            read by an administrator. In a user's own log it is a position in a list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_basis: Literal["start", "end"] | None = None
    billing_time_zone: Annotated[str, AfterValidator(known_zone)] | None = None
    vat_time_zone: Annotated[str, AfterValidator(known_zone)] | None = None
    quota_per_unit: Annotated[tuple[QuotaPeriod, ...], BeforeValidator(_periods)] = ()
    usd_per_credit: Annotated[Decimal, Field(gt=0, lt=1000, decimal_places=12)] | None = None
    discount_convention: Literal["to_pay", "off", "percent_off"] | None = None
    usage_semantic: Literal["openai", "anthropic"] | None = None
    charge_rounding: Literal["half_away", "up", "down"] | None = None
    trusted_ids: bool | None = None


def write(home: Home, sources: list[Any], counting: Collection[str] = ()) -> None:
    """Write the settings of all sources to raw.

    Args:
        home: The home.
        sources: `ingestion.sources.Source` objects.
        counting: Names of sources with accepted files; those no longer configured keep their settings.
    """
    place = home.config_table("sources")
    frame = pl.DataFrame([row for source in sources for row in _rows(source)], schema=COLUMNS)
    gone = set(counting) - {source.name for source in sources}
    if gone and place.exists():
        before = pl.read_parquet(place, glob=False).filter(pl.col("source").is_in(sorted(gone)))
        frame = pl.concat([frame, before], how="diagonal").select(*COLUMNS)
    write_if_changed(place, frame.write_parquet)


def _rows(source: Any) -> list[dict[str, Any]]:
    same = {
        name: getattr(source, "name" if name == "source" else name)
        for name in COLUMNS
        if not name.startswith("quota_")
    }
    periods = source.quota_per_unit or (None,)
    ends = [period.valid_from for period in periods[1:]] + [None]
    return [
        {
            **same,
            "quota_per_unit": period and period.value,
            "quota_valid_from": period and period.valid_from,
            "quota_valid_to": end,
        }
        for period, end in zip(periods, ends, strict=True)
    ]
