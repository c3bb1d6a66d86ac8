"""What people read: labels with units, amounts at readable precision, tables with the exact value under the pointer.

A column's name says its unit (`_usd`, `_ms`, `_share`), so its label and its format follow from the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import marimo as mo
import polars as pl

if TYPE_CHECKING:
    from dagster_project.notebooks.marts import Answer

#: Labels that do not follow from the column's name.
LABELS = {
    "api_key_id": "Key id",
    "api_key_name": "Key",
    "cache_hit_rate": "Cache hit rate",
    "cache_optimized_cost_usd": "Cost (USD)",
    "change_share": "Change",
    "claim_usd": "To claim (USD)",
    "created_at": "Created (UTC)",
    "cost_variance_usd": "Variance (USD)",
    "difference_amount": "Difference",
    "discount_share": "Discount",
    "discounted_cost_usd": "After discount (USD)",
    "duration_p50_ms": "Median duration (ms)",
    "duration_p95_ms": "95 % within (ms)",
    "event_date": "Day",
    "first_date": "From",
    "group_name": "Group",
    "is_stream": "Streamed",
    "last_date": "To",
    "list_cost_usd": "List (USD)",
    "member_id": "Member",
    "model_requested": "Requested model",
    "model_served": "Model",
    "of_lines": "Lines",
    "part_usd": "USD per day",
    "payable_amount": "Payable",
    "received_amount": "Received",
    "reported_cost_usd": "Charged (USD)",
    "total_savings_share": "Saved",
    "ttft_ms": "First token (ms)",
    "unpriced_requests": "Without a price",
    "variance_reason": "Reason",
    "workspace_id": "Workspace",
}
_UNITS = {
    "_usd_per_mtok": " (USD per million)",
    "_usd": " (USD)",
    "_ms": " (ms)",
    "_at": " (UTC)",
    "_share": " share",
    "_rate": " rate",
    "_id": " id",
    "_date": "",
    "_on": "",
    "_minor": " (minor units)",
}
_MISSING = "–"
#: Columns of sentences: wrapped, not cut.
_SENTENCES = (
    "what_to_do",
    "what_was_seen",
    "finding",
    "reason",
    "description",
    "expected",
    "held_back_detail",
    "reasons",
)


def label(column: str) -> str:
    """Return what a column is called on a page, with its unit."""
    if column in LABELS:
        return LABELS[column]
    for ending, unit in _UNITS.items():
        if column.endswith(ending):
            column, suffix = column.removesuffix(ending), unit
            break
    else:
        suffix = ""
    words = column.replace("_", " ")
    for short, proper in (
        ("api", "API"),
        ("vat", "VAT"),
        ("http", "HTTP"),
        ("pdf", "PDF"),
        ("ttft", "first token"),
    ):
        words = " ".join(proper if word == short else word for word in words.split(" "))
    return words[:1].upper() + words[1:] + suffix


def usd(amount: Decimal | None, places: int = 2) -> str:
    """Return an amount with thousands separators; nothing known is a dash, never 0."""
    return _MISSING if amount is None else f"{amount:,.{places}f}"


def count(number: int | None) -> str:
    """Return a number with thousands separators; from a million on shortened."""
    if number is None:
        return _MISSING
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if abs(number) >= size:
            return f"{number / size:,.2f} {unit}"
    return f"{number:,}"


def share(ratio: Decimal | float | None) -> str:
    """Return a share as a percentage."""
    return _MISSING if ratio is None else f"{ratio * 100:,.1f} %"


def milliseconds(duration: int | None) -> str:
    """Return a duration in milliseconds, from 10 seconds on in seconds."""
    if duration is None:
        return _MISSING
    return f"{duration:,} ms" if duration < 10_000 else f"{duration / 1000:,.1f} s"


def places_of(amounts: Sequence[Decimal | None]) -> int:
    """Return how many decimals a column of amounts is read with: cents, or more where all are smaller."""
    most = max((abs(amount) for amount in amounts if amount is not None), default=Decimal())
    return 2 if most >= 10 or not most else 4 if most >= Decimal("0.1") else 6


def table(
    answer: Answer,
    label_: str = "",
    *,
    selection: str | None = None,
    hidden: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    page_size: int = 12,
    first_selected: bool = False,
) -> mo.ui.table:
    """Return a table of an answer.

    Args:
        answer: rows.
        label_: heading; plain text.
        selection: "single" where a row is chosen to see more of it.
        hidden: columns that are not shown, but known of a chosen row.
        labels: labels of this table alone.
        page_size: rows on a page.
        first_selected: whether the first row is chosen when the page opens.
    """
    rows = answer.rows
    names = {column: (labels or {}).get(column, label(column)) for column in rows.columns}
    formats = {names[column]: _format(rows[column], column) for column in rows.columns}
    sentences = [names[column] for column in rows.columns if column in _SENTENCES]
    numbers = [names[column] for column in rows.columns if rows[column].dtype.is_numeric()]
    return mo.ui.table(
        rows.rename(names),
        label=label_,
        selection=selection,
        initial_selection=[0] if first_selected and rows.height else None,
        page_size=page_size,
        pagination=rows.height > page_size,
        show_column_summaries=False,
        show_data_types=False,
        show_search=rows.height > page_size,
        format_mapping={name: format_ for name, format_ in formats.items() if format_},
        text_justify_columns=dict.fromkeys(numbers, "right"),
        wrapped_columns=sentences or None,
        column_widths=dict.fromkeys(sentences, 300) or None,
        hidden_columns=[names[column] for column in hidden] or None,
        header_tooltip={
            names[column]: answer.descriptions[column]
            for column in rows.columns
            if column in answer.descriptions
        },
        hover_template=_exact,
    )


def table_or(answer: Answer, what: str, what_to_do: str) -> mo.Html:
    """Return the table of an answer with its SQL; without rows what is missing, and what to do."""
    return with_sql(table(answer), answer) if answer else nothing(what, what_to_do)


def picked(chosen: mo.ui.table, answer: Answer) -> dict[str, Any] | None:
    """Return the chosen row of a table of an answer, by the answer's columns; None if none is."""
    if chosen.value is None or chosen.value.is_empty():
        return None
    return dict(zip(answer.rows.columns, chosen.value.row(0), strict=True))


def figures(*cards: tuple[str, str, str]) -> mo.Html:
    """Return figures side by side: label, value and a line below each; plain text."""
    return mo.hstack(
        [
            mo.stat(value, label=label_, caption=caption or None, bordered=True)
            for label_, value, caption in cards
        ],
        widths="equal",
        gap=0.75,
        wrap=True,
    )


def shown_sql(*answers: Answer) -> mo.Html:
    """Return the SQL behind what is above it, folded; it runs as it is after `use tollbook.marts`."""
    blocks = "\n\n".join(f"```sql\n{_dedented(answer.sql)};\n```" for answer in answers)
    return mo.accordion({"SQL": mo.md(blocks)})


def with_sql(shown: Any, *answers: Answer) -> mo.Html:
    """Return something with its SQL below."""
    return mo.vstack([shown, shown_sql(*answers)])


def nothing(what: str, what_to_do: str) -> mo.Html:
    """Return an empty state: what is missing, and what to do; Markdown of our own, never text of a log."""
    return mo.callout(mo.md(f"{what} {what_to_do}"), kind="neutral")


def no_match() -> mo.Html:
    """Return what is shown where the filters leave nothing."""
    return nothing("Nothing matches these filters.", "Choose other days or values, or [reset](?) them.")


def head(title: str, question: str, *marts: str) -> mo.Html:
    """Return the head of a notebook: title, question, where it comes from, and the way back."""
    read = ", ".join(f"`{mart}`" for mart in marts)
    return mo.md(
        f"# {title}\n\n{question}\n\n<small>From {read}. Money in USD and times in UTC unless a column says otherwise."
        " The filters are in the address of the page: a bookmark keeps them, [reset](?)."
        " [All notebooks](/)</small>"
    )


def _dedented(sql: str) -> str:
    lines = sql.strip("\n").split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0].strip(), *(line[margin:] for line in lines[1:])]).strip()


def _exact(_row: str, _column: str, value: Any) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _format(values: pl.Series, column: str) -> Callable[[Any], str] | None:
    if column.endswith(("_share", "_rate")):
        return share
    if values.dtype == pl.Decimal:
        places = places_of(values.to_list())
        return lambda amount: usd(amount, places)
    if values.dtype.is_integer():
        return lambda number: _MISSING if number is None else f"{number:,}"
    if values.dtype == pl.Datetime:
        return lambda moment: (
            moment.strftime("%Y-%m-%d %H:%M:%S") if isinstance(moment, datetime) else _MISSING
        )
    if values.dtype == pl.Boolean:
        return lambda holds: _MISSING if holds is None else "yes" if holds else "no"
    if values.dtype == pl.List:
        return lambda many: _MISSING if many is None else ", ".join(map(str, many))
    if values.dtype == pl.Date:
        return lambda day: day.isoformat() if isinstance(day, date) else _MISSING
    return lambda value: _MISSING if value is None else str(value)
