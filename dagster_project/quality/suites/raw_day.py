"""The suite of a delivered day of one stream of calls; profiles.py computes its columns.

Shares compare the day with earlier delivery days of the stream. They are null while there are too few of those, and for
a day with few rows.
"""

from __future__ import annotations

from dagster_project.quality.suites import Expectation, Suite
from ingestion.streams import TOKEN_LIMIT

RAW_DAY = Suite(
    name="raw_day",
    version=1,
    subject="a delivery day of a stream of calls",
    holds_back="the source",
    expectations=(
        Expectation(
            "lines_are_accounted_for",
            "unaccounted_lines",
            "Every line of the day's files is an event, a reject or blank.",
            least=0,
            most=0,
        ),
        Expectation(
            "every_event_is_a_row",
            "row_gap",
            "The raw files have as many rows as their load records say.",
            least=0,
            most=0,
        ),
        Expectation(
            "few_lines_are_rejected",
            "reject_share",
            "Share of lines that could not be read; 0 up to `reject_minimum_lines` of the source.",
            setting="reject_threshold",
        ),
        Expectation("ids_are_there", "null_ids", "Rows that lack a mandatory field.", least=0, most=0),
        Expectation(
            "statuses_are_known",
            "odd_status_share",
            "Share of rows with a status other than success, failure, timeout and cancelled.",
            most=0.05,
        ),
        Expectation(
            "times_are_possible",
            "odd_time_share",
            "Share of rows before 2020 or more than a year after delivery: a wrong unit or epoch.",
            most=0.05,
        ),
        Expectation("tokens_are_not_negative", "min_tokens", "Smallest token count of a row.", least=0),
        Expectation(
            "tokens_are_possible", "max_tokens", "Largest token count of a row.", most=TOKEN_LIMIT - 1
        ),
        Expectation(
            "volume_is_usual",
            "volume_ratio",
            "Rows, over the median of the same weekday in the eight weeks before.",
            least=0.25,
            most=4,
            is_blocking=False,
        ),
        Expectation(
            "fields_are_filled_as_before",
            "null_rise",
            "Share of rows without a value, above the highest of the four weeks before; of the field that rose most.",
            most=0.5,
            is_blocking=False,
        ),
        Expectation(
            "fields_are_declared",
            "undeclared_rise",
            "Share of rows with an undeclared field, above the highest of the four weeks before.",
            most=0.2,
            is_blocking=False,
        ),
        Expectation(
            "models_are_known",
            "new_model_share",
            "Share of rows of models that the four weeks before did not have.",
            most=0.5,
            is_blocking=False,
        ),
        Expectation(
            "hours_are_covered",
            "missing_hours",
            "Hours without a row that had traffic on each of the same weekdays in the eight weeks before.",
            most=0,
            is_blocking=False,
        ),
    ),
)
