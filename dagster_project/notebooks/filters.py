"""Filters that live in the page's address: what is chosen is written there, and a bookmark opens it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import marimo as mo

from dagster_project.notebooks.tables import nothing
from ingestion.duck import literal

if TYPE_CHECKING:
    from dagster_project.notebooks.marts import Marts

#: How a missing value is called in filters and groups.
NONE = "(none)"


def choices(name: str, label: str, options: Sequence[str]) -> mo.ui.multiselect:
    """Return a filter of several values; none chosen means all.

    Args:
        name: of the parameter in the address.
        label: what people read.
        options: values to choose from.
    """
    address = mo.query_params()
    chosen = chosen_in(address.get(name), options)

    def write(values: Sequence[str]) -> None:
        address.set(name, in_address(values))

    return mo.ui.multiselect(options, value=chosen, label=label, on_change=write)


def in_address(values: Sequence[str]) -> str | list[str]:
    """Return values as one, because marimo reads only the last of a repeated parameter; none take it away."""
    if len(values) > 1:
        return json.dumps(list(values), ensure_ascii=False)
    return values[0] if values else []


def chosen_in(given: str | list[str] | None, options: Sequence[str]) -> list[str]:
    """Return the values of a parameter that `in_address` wrote, those that are offered."""
    if given in options:
        return [given]
    try:
        values = json.loads(given) if isinstance(given, str) else given or []
    except ValueError:
        return []
    return [value for value in values if value in options] if isinstance(values, list) else []


def choice(name: str, label: str, options: Sequence[str], default: str | None = None) -> mo.ui.dropdown:
    """Return a filter of exactly one value: that of the address, else the default, else the first."""
    address = mo.query_params()
    given = address.get(name)
    value = given if given in options else default if default in options else next(iter(options), None)
    return mo.ui.dropdown(
        options, value=value, label=label, on_change=lambda value: address.set(name, value), searchable=True
    )


def text(name: str, label: str, placeholder: str = "") -> mo.ui.text:
    """Return a field for an id."""
    address = mo.query_params()
    value = address.get(name, "")
    return mo.ui.text(
        value=value if isinstance(value, str) else value[0],
        label=label,
        placeholder=placeholder,
        on_change=lambda value: address.set(name, value or []),
    )


def days(first: date, last: date, shown: int) -> mo.ui.date_range:
    """Return a range of days, `from` and `to` in the address; by default the last `shown` ones."""
    address = mo.query_params()

    def given(name: str, default: date) -> date:
        try:
            return min(max(date.fromisoformat(str(address.get(name))), first), last)
        except ValueError:
            return default

    begin = given("from", max(first, last - timedelta(days=shown - 1)))
    end = max(begin, given("to", last))

    def write(range_: tuple[date, date]) -> None:
        for name, day in zip(("from", "to"), range_, strict=True):
            address.set(name, day.isoformat())

    return mo.ui.date_range(start=first, stop=last, value=(begin, end), label="Days (UTC)", on_change=write)


def named(column: str) -> str:
    """Return SQL of a column with a name for a missing value."""
    return f"coalesce(nullif({column}, ''), '{NONE}')"


def offered(
    marts: Marts, mart: str, columns: Mapping[str, str], shown: int
) -> tuple[mo.ui.date_range, mo.ui.dictionary]:
    """Return a filter of days and one of values for each column, with what a mart has; without rows the notebook stops.

    Args:
        marts: published marts.
        mart: one with `event_date` and the columns.
        columns: SQL of each column, by label.
        shown: days shown at first.
    """
    lists = ", ".join(
        f'list_sort(list(distinct {named(column)})) as "{name}"' for name, column in columns.items()
    )
    known = marts.ask(
        f"select min(event_date) as first, max(event_date) as last, {lists} from {mart}"
    ).first()
    mo.stop(
        known["first"] is None,
        nothing("No usage is published.", "Land a gateway's logs, then `tollbook run`."),
    )
    values = {name: choices(name.lower().replace(" ", "_"), name, known[name]) for name in columns}
    return days(known["first"], known["last"], shown), mo.ui.dictionary(values)


def in_a_row(*filters: mo.Html) -> mo.Html:
    """Return filters side by side, in as many lines as they need."""
    return mo.hstack(filters, justify="start", wrap=True)


def conditions(chosen: Mapping[str, Sequence[str]]) -> str:
    """Return SQL that holds where every column has one of the values chosen for it; none chosen means all.

    Args:
        chosen: SQL of a column, and values.
    """
    terms = [
        f"{named(column)} in ({', '.join(map(literal, values))})"
        for column, values in chosen.items()
        if values
    ]
    return " and ".join(terms) or "true"


def scope(range_: tuple[date, date], chosen: Mapping[str, Sequence[str]], columns: Mapping[str, str]) -> str:
    """Return SQL that holds for the days and values chosen in what `offered` returned."""
    return (
        f"{between('event_date', range_)} and {conditions({columns[name]: chosen[name] for name in columns})}"
    )


def between(column: str, range_: tuple[date, date]) -> str:
    """Return SQL that holds for the days of a range, both ends included."""
    first, last = range_
    return f"{column} between date '{first}' and date '{last}'"


def contains(column: str, given: str) -> str:
    """Return SQL that holds where a column contains a text; without a text always."""
    return f"contains({column}, {literal(given.strip())})" if given.strip() else "true"


def called(macro: str, given: str) -> str:
    """Return SQL that calls a table macro with a text."""
    return f"{macro}({literal(given)})"
