"""Configuration tables: what a person decides about prices, discounts, names and thresholds.

A home's `config/<name>.csv` replaces the shipped `dbt/seeds/<name>.csv` whole. Every row is validated before
any table is written, and every row keeps the file and line it came from.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ingestion import source_settings
from ingestion.files import write_if_changed
from ingestion.home import Home
from ingestion.sources import load_sources

SEEDS = Path(__file__).resolve().parents[1] / "dbt" / "seeds"


class ConfigError(ValueError):
    """A configuration file is wrong; the message has one `file:line: column: what; write …` per fault."""


def _filled(value: Any) -> Any:
    if value is None or value == "":
        raise ValueError("is empty; write a value")
    return value


def _iso_day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else _no_day(value)
    except ValueError:
        return _no_day(value)


def _no_day(value: Any) -> Any:
    raise ValueError(f"{value!r} is not a day; write YYYY-MM-DD")


def _open(value: Any) -> Any:
    return None if value == "" else _iso_day(value)


def _empty_as_none(value: Any) -> Any:
    return value or None


Text = Annotated[str, BeforeValidator(_filled)]
OptionalText = Annotated[str | None, BeforeValidator(_empty_as_none)]
Day = Annotated[date, BeforeValidator(_iso_day)]
OpenDay = Annotated[date | None, BeforeValidator(_open)]


class Row(BaseModel):
    """One line of a configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Dated(Row):
    """A row that holds from a day (inclusive) to a day (exclusive; none is open)."""

    valid_from: Day
    valid_to: OpenDay = None


class PriceOverride(Dated):
    """A contract price or a correction of the catalogue, in USD per million tokens."""

    provider: str = ""
    model: Text
    token_class: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    usd_per_mtok: Annotated[Decimal, Field(ge=0, lt=1_000_000, decimal_places=18)]
    min_input_tokens: Annotated[int, Field(ge=0)] = 0
    variant: Text = "standard"
    reason: Text


class DiscountRule(Dated):
    """A discount; `factor` is what is left to pay."""

    rule_id: Text
    workspace_id: OptionalText = None
    group_name: OptionalText = None
    kind: Literal["membership", "volume", "promo", "contract"]
    factor: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)]
    reason: Text


class ModelAlias(Row):
    """A logged model name that stands for a model of the catalogue."""

    model: Text
    catalogue_provider: Text
    catalogue_model: Text
    reason: OptionalText = None


class ProviderAlias(Row):
    """A logged provider name that stands for a provider of the catalogue."""

    prefix: Text
    catalogue_provider: Text
    reason: OptionalText = None


class Currency(Row):
    """Minor units of a currency as Stripe counts them."""

    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    exponent: Annotated[int, Field(ge=0, le=3)]
    tolerance_minor: Annotated[int, Field(ge=0)]


#: Settings that are a switch, and the only values they take.
_SWITCHES = {"stripe_livemode": (0, 1)}


class AnomalySetting(Row):
    """A threshold of the spend detector or of the reconciliation."""

    setting: Literal[
        "invoice_grace_days",
        "new_spender_floor_usd",
        "request_scatter",
        "sigma_floor",
        "sigma_threshold",
        "spend_alert_pct",
        "spend_floor_usd",
        "stripe_livemode",
    ]
    value: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
    reason: OptionalText = None

    @model_validator(mode="after")
    def _whole(self) -> AnomalySetting:
        allowed = _SWITCHES.get(self.setting)
        if allowed and self.value not in allowed:
            raise ValueError(f"{self.setting} is a switch; write {' or '.join(map(str, allowed))}")
        if self.setting.endswith("_days") and self.value != int(self.value):
            raise ValueError(f"{self.setting} counts days; write a whole number")
        return self


@dataclass(frozen=True)
class Table:
    """A configuration table: its rows' model, its columns in order, and what must be unique (per day, if
    dated).
    """

    row: type[Row]
    columns: dict[str, pl.DataType]
    key: tuple[str, ...]


_TEXT, _COUNT, _DAY = pl.String(), pl.Int64(), pl.Date()

TABLES = {
    "price_overrides": Table(
        PriceOverride,
        {
            "provider": _TEXT,
            "model": _TEXT,
            "token_class": _TEXT,
            "usd_per_mtok": pl.Decimal(24, 18),
            "min_input_tokens": _COUNT,
            "variant": _TEXT,
            "valid_from": _DAY,
            "valid_to": _DAY,
            "reason": _TEXT,
        },
        ("provider", "model", "token_class", "min_input_tokens", "variant"),
    ),
    "discount_rules": Table(
        DiscountRule,
        {
            "rule_id": _TEXT,
            "workspace_id": _TEXT,
            "group_name": _TEXT,
            "kind": _TEXT,
            "factor": pl.Decimal(9, 6),
            "valid_from": _DAY,
            "valid_to": _DAY,
            "reason": _TEXT,
        },
        ("rule_id", "workspace_id", "group_name"),
    ),
    "model_aliases": Table(
        ModelAlias,
        {"model": _TEXT, "catalogue_provider": _TEXT, "catalogue_model": _TEXT, "reason": _TEXT},
        ("model",),
    ),
    "provider_aliases": Table(
        ProviderAlias, {"prefix": _TEXT, "catalogue_provider": _TEXT, "reason": _TEXT}, ("prefix",)
    ),
    "currencies": Table(
        Currency, {"currency": _TEXT, "exponent": _COUNT, "tolerance_minor": _COUNT}, ("currency",)
    ),
    "anomaly_settings": Table(
        AnomalySetting, {"setting": _TEXT, "value": pl.Decimal(18, 6), "reason": _TEXT}, ("setting",)
    ),
}


def write_config(home: Home) -> None:
    """Write every configuration table and the sources' settings to raw, or none.

    Raises:
        ConfigError: a file cannot be used; all faults of all files are in the message.
        SourcesError: sources.yml cannot be used.
    """
    sources = load_sources(home)
    faults: list[str] = []
    frames = {}
    for name, table in TABLES.items():
        own = home.config / f"{name}.csv"
        path, shown = (
            (own, f"config/{name}.csv") if own.exists() else (SEEDS / f"{name}.csv", f"dbt/seeds/{name}.csv")
        )
        frames[name] = _frame(path, shown, table, faults)
    if home.config.is_dir():
        for path in sorted(home.config.glob("*.csv")):
            if path.stem not in TABLES:
                faults.append(f"config/{path.name}: no such table; write one of {', '.join(sorted(TABLES))}")
    if faults:
        raise ConfigError("\n".join(faults))
    source_settings.write(home, sources)
    for name, frame in frames.items():
        write_if_changed(home.raw / f"config_{name}" / "config.parquet", frame.write_parquet)


def _frame(path: Path, shown: str, table: Table, faults: list[str]) -> pl.DataFrame:
    rows = []
    seen: dict[tuple, list[tuple[int, Row]]] = {}
    for line, cells in _lines(path, shown, table, faults):
        try:
            row = table.row(**cells)
        except ValidationError as error:
            faults.extend(_explained(shown, line, error))
            continue
        faults.extend(
            _clashes(shown, line, row, seen.setdefault(tuple(getattr(row, k) for k in table.key), []))
        )
        rows.append({**row.model_dump(), "config_file": shown, "config_line": line})
    return pl.DataFrame(rows, schema={**table.columns, "config_file": _TEXT, "config_line": _COUNT})


def _lines(path: Path, shown: str, table: Table, faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, cells by column) of a CSV; faults of its form go to `faults`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = [name.strip() for name in next(reader, [])]
            known = ",".join(table.columns)
            required = [name for name, field in table.row.model_fields.items() if field.is_required()]
            wrong = [name for name in header if name not in table.columns]
            missing = [name for name in required if name not in header]
            if wrong or missing or len(set(header)) != len(header):
                faults.append(f"{shown}:1: the header is not right; write {known}")
                return
            for cells in reader:
                values = [cell.strip() for cell in cells]
                if not any(values):
                    continue
                if len(values) != len(header):
                    what = f"has {len(values)} cells where the header has {len(header)}"
                    faults.append(
                        f"{shown}:{reader.line_num}: {what}; write {','.join(header)}, quoting commas"
                    )
                    continue
                optional = set(header) - set(required)
                filled = {k: v for k, v in zip(header, values, strict=True) if v or k not in optional}
                yield reader.line_num, filled
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{shown}: cannot be read as CSV ({error}); save it as UTF-8 CSV")


def _clashes(shown: str, line: int, row: Row, earlier: list[tuple[int, Row]]) -> list[str]:
    """Return what is wrong between a row and earlier rows of the same key, and remember it."""
    faults = []
    if isinstance(row, Dated) and row.valid_to is not None and row.valid_to <= row.valid_from:
        what = "is not after valid_from; write the first day it no longer holds"
        faults.append(f"{shown}:{line}: valid_to: {what}")
    for other_line, other in earlier:
        if not isinstance(row, Dated) or not isinstance(other, Dated):
            faults.append(f"{shown}:{line}: says again what line {other_line} says; keep one of them")
        elif (row.valid_to or date.max) > other.valid_from and (other.valid_to or date.max) > row.valid_from:
            what = f"overlaps line {other_line}; write a valid_to there, or a later day here"
            faults.append(f"{shown}:{line}: valid_from: {what}")
    earlier.append((line, row))
    return faults


def _explained(shown: str, line: int, error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        column = ".".join(str(part) for part in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        given = fault["input"]
        what = (
            said
            if said.endswith("a value") or "; write" in said
            else f"{given!r} is wrong; write: {_wanted(said)}"
        )
        lines.append(f"{shown}:{line}: {column + ': ' if column else ''}{what}")
    return lines


def _wanted(message: str) -> str:
    return message.removeprefix("Input ").removeprefix("should be ").removeprefix("should ")
