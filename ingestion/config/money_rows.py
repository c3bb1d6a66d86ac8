"""One line of each configuration file about credits and budgets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from ingestion.config.cells import CurrencyCode, Day, OpenDay, OptionalText, Priority, Text
from ingestion.config.rows import Dated, Row

Credits = Annotated[Decimal, Field(max_digits=18, decimal_places=6)]

#: Keys by which lots of credits can be ordered when usage consumes them.
_BURN_KEYS = ("priority", "expiry", "granted")


class CreditPack(Dated):
    """A pack of credits that a gateway sells or gives, at one price, while it is offered."""

    source: Text
    pack: Text
    credits: Annotated[Credits, Field(gt=0)]
    price: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]
    currency: CurrencyCode
    kind: Literal["pack", "renewal", "promotion"]
    priority: Priority = 0
    expires_after_days: Annotated[int | None, Field(ge=1, le=36_500)] = None
    reason: OptionalText = None


class CreditGrant(Row):
    """Credits booked by hand; an adjustment may be negative."""

    grant_id: Text
    source: Text
    workspace_id: Text
    granted_on: Day
    kind: Literal["promotion", "adjustment", "opening"]
    credits: Credits
    priority: Priority = 0
    expires_on: OpenDay = None
    reason: Text

    @field_validator("credits")
    @classmethod
    def _signed(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        if value == 0 or (value < 0 and info.data.get("kind", "adjustment") != "adjustment"):
            raise ValueError(f"{value} cannot be granted; write a number above 0, or adjustment as kind")
        return value

    @field_validator("expires_on")
    @classmethod
    def _later(cls, value: date | None, info: ValidationInfo) -> date | None:
        if value is not None and value <= info.data.get("granted_on", date.min):
            raise ValueError("is not after granted_on; write the first day they are no longer good")
        return value


class CreditBalance(Row):
    """A balance read from a gateway by hand: the credits of a workspace at the end of a day."""

    source: Text
    workspace_id: Text
    balance_on: Day
    credits: Credits
    reason: OptionalText = None


class Budget(Dated):
    """A planned amount to spend per month."""

    budget_id: Text
    source: OptionalText = None
    scope: Literal["workspace", "api_key", "member", "group", "model", "all"]
    subject: Annotated[OptionalText, Field(validate_default=True)] = None
    month_usd: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2)]
    reason: OptionalText = None

    @field_validator("subject")
    @classmethod
    def _named(cls, value: str | None, info: ValidationInfo) -> str | None:
        scope = info.data.get("scope", "all" if value is None else "workspace")
        if scope == "all" and value is not None:
            raise ValueError("cannot be used with scope all; write which scope it is, or leave it empty")
        if scope != "all" and value is None:
            raise ValueError(f"is empty; write the {scope} the budget is for, or all as scope")
        return value


class CreditSetting(Row):
    """What a gateway's credits are worth and in which order they are used up."""

    source: Text
    value_policy: Literal["fixed", "average", "fifo"]
    usd_per_credit: Annotated[Decimal | None, Field(gt=0, max_digits=18, decimal_places=12)] = None
    burn_order: Text = ",".join(_BURN_KEYS)
    reason: OptionalText = None

    @field_validator("burn_order")
    @classmethod
    def _order(cls, value: str) -> str:
        keys = [key.strip() for key in value.split(",")]
        if len(set(keys)) != len(keys) or not set(keys) <= set(_BURN_KEYS):
            raise ValueError(
                f"{value!r} is not a valid order; write {','.join(_BURN_KEYS)} in the order you want"
            )
        return ",".join(keys)
