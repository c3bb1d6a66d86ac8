"""One line of each configuration file about prices, discounts, names, currencies and thresholds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ingestion.config.cells import CurrencyCode, Day, OpenDay, OptionalText, Priority, Text, YesOrNo


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
    """A discount; `factor` is the share left to pay. An empty subject column means any."""

    rule_id: Text
    workspace_id: OptionalText = None
    group_name: OptionalText = None
    api_key_id: OptionalText = None
    member_id: OptionalText = None
    provider: OptionalText = None
    model: OptionalText = None
    call_type: OptionalText = None
    kind: Literal["membership", "volume", "promo", "contract"]
    factor: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)]
    min_month_list_usd: Annotated[
        Decimal | None, Field(ge=0, lt=1_000_000_000_000, max_digits=24, decimal_places=12)
    ] = None
    precedence: Priority = 0
    stacks: YesOrNo = False
    reason: Text

    @field_validator("rule_id")
    @classmethod
    def _not_a_joined_name(cls, value: str) -> str:
        """Rules that stack are named together on a request, joined by a plus sign."""
        if "+" in value:
            raise ValueError(f"{value!r} has a plus sign; write a name without one")
        return value

    @field_validator("model")
    @classmethod
    def _one_star_at_the_end(cls, value: str | None) -> str | None:
        if value and ("*" in value[:-1] or value == "*"):
            raise ValueError(f"{value!r} is not a model; write its name, or the beginning of names and one *")
        return value

    @field_validator("min_month_list_usd")
    @classmethod
    def _only_volume(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if value is not None and info.data.get("kind", "volume") != "volume":
            raise ValueError("is for rules of kind volume; write volume as kind, or leave it empty")
        return value


class ModelAlias(Row):
    """A logged model name that means a model of the catalogue."""

    model: Text
    catalogue_provider: Text
    catalogue_model: Text
    reason: OptionalText = None


class ProviderAlias(Row):
    """A logged provider name that means a provider of the catalogue."""

    prefix: Text
    catalogue_provider: Text
    reason: OptionalText = None


class Currency(Row):
    """Minor units of a currency as Stripe counts them."""

    currency: CurrencyCode
    exponent: Annotated[int, Field(ge=0, le=3)]
    tolerance_minor: Annotated[int, Field(ge=0)]


#: Settings with fixed values, and these values.
_SWITCHES = {"stripe_livemode": (0, 1)}


class AnomalySetting(Row):
    """A threshold of the detectors or of the reconciliation."""

    setting: Literal[
        "any_day_alert_pct",
        "count_scatter",
        "history_days",
        "invoice_grace_days",
        "new_spender_floor_usd",
        "payment_in_flight_days",
        "reported_days",
        "request_scatter",
        "sigma_floor",
        "sigma_threshold",
        "slow_leak_threshold",
        "spend_alert_pct",
        "spend_floor_usd",
        "standard_vat_pct",
        "stripe_livemode",
        "wider_threshold_factor",
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


class IncidentAcknowledgement(Row):
    """A person knows of an incident; until the end of a day it is not told again as still open."""

    anomaly_id: Text
    until_date: Day
    reason: Text


class AlertSuppression(Row):
    """Incidents nobody is told of until the end of a day. An empty column means any; not all may be empty."""

    detector: OptionalText = None
    subject_type: OptionalText = None
    subject_id: OptionalText = None
    source: OptionalText = None
    until_date: Day
    reason: Text

    @model_validator(mode="after")
    def _of_something(self) -> AlertSuppression:
        if not (self.detector or self.subject_id or self.source):
            raise ValueError("suppresses everything; write a detector, a subject_id or a source")
        return self
