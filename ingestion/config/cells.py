"""Types of the cells of a configuration file. Every error says what to write instead."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


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
    return None if value in ("", None) else _iso_day(value)


def _empty_as_none(value: Any) -> Any:
    return value or None


def _switch(value: Any) -> Any:
    if value in ("yes", "no"):
        return value == "yes"
    raise ValueError(f"{value!r} is wrong; write yes or no")


Text = Annotated[str, BeforeValidator(_filled)]
OptionalText = Annotated[str | None, BeforeValidator(_empty_as_none)]
Day = Annotated[date, BeforeValidator(_iso_day)]
OpenDay = Annotated[date | None, BeforeValidator(_open)]
YesOrNo = Annotated[bool, BeforeValidator(_switch)]
CurrencyCode = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
