"""The configuration tables: their rows, their columns in order, and their unique keys."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ingestion.config.money_rows import Budget, CreditBalance, CreditGrant, CreditPack, CreditSetting
from ingestion.config.rows import (
    AlertSuppression,
    AnomalySetting,
    Currency,
    DiscountRule,
    IncidentAcknowledgement,
    ModelAlias,
    PriceOverride,
    ProviderAlias,
    Row,
)


@dataclass(frozen=True)
class Table:
    """A configuration table: its rows' model, its columns in order, and what must be unique (per day, if
    dated).
    """

    row: type[Row]
    columns: dict[str, pl.DataType]
    key: tuple[str, ...]


#: Columns that say what a discount rule applies to; an empty one means any.
DISCOUNT_SUBJECT = (
    "workspace_id",
    "group_name",
    "api_key_id",
    "member_id",
    "provider",
    "model",
    "call_type",
)

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
            **dict.fromkeys(DISCOUNT_SUBJECT, _TEXT),
            "kind": _TEXT,
            "factor": pl.Decimal(9, 6),
            "min_month_list_usd": pl.Decimal(24, 12),
            "precedence": _COUNT,
            "stacks": pl.Boolean(),
            "valid_from": _DAY,
            "valid_to": _DAY,
            "reason": _TEXT,
        },
        ("rule_id", *DISCOUNT_SUBJECT, "min_month_list_usd"),
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
    "credit_packs": Table(
        CreditPack,
        {
            "source": _TEXT,
            "pack": _TEXT,
            "credits": pl.Decimal(18, 6),
            "price": pl.Decimal(18, 4),
            "currency": _TEXT,
            "kind": _TEXT,
            "priority": _COUNT,
            "expires_after_days": _COUNT,
            "valid_from": _DAY,
            "valid_to": _DAY,
            "reason": _TEXT,
        },
        ("source", "pack"),
    ),
    "credit_grants": Table(
        CreditGrant,
        {
            "grant_id": _TEXT,
            "source": _TEXT,
            "workspace_id": _TEXT,
            "granted_on": _DAY,
            "credits": pl.Decimal(18, 6),
            "kind": _TEXT,
            "priority": _COUNT,
            "expires_on": _DAY,
            "reason": _TEXT,
        },
        ("grant_id",),
    ),
    "credit_settings": Table(
        CreditSetting,
        {
            "source": _TEXT,
            "value_policy": _TEXT,
            "usd_per_credit": pl.Decimal(18, 12),
            "burn_order": _TEXT,
            "reason": _TEXT,
        },
        ("source",),
    ),
    "credit_balances": Table(
        CreditBalance,
        {
            "source": _TEXT,
            "workspace_id": _TEXT,
            "balance_on": _DAY,
            "credits": pl.Decimal(18, 6),
            "reason": _TEXT,
        },
        ("source", "workspace_id", "balance_on"),
    ),
    "budgets": Table(
        Budget,
        {
            "budget_id": _TEXT,
            "source": _TEXT,
            "scope": _TEXT,
            "subject": _TEXT,
            "month_usd": pl.Decimal(18, 2),
            "valid_from": _DAY,
            "valid_to": _DAY,
            "reason": _TEXT,
        },
        ("budget_id",),
    ),
    "incident_acknowledgements": Table(
        IncidentAcknowledgement,
        {"anomaly_id": _TEXT, "until_date": _DAY, "reason": _TEXT},
        ("anomaly_id",),
    ),
    "alert_suppressions": Table(
        AlertSuppression,
        {
            "detector": _TEXT,
            "subject_type": _TEXT,
            "subject_id": _TEXT,
            "source": _TEXT,
            "until_date": _DAY,
            "reason": _TEXT,
        },
        ("detector", "subject_type", "subject_id", "source"),
    ),
}
