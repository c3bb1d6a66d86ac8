"""A small frame + a list of expectations → a sentence per unmet expectation.

The only module that uses Great Expectations. Importing it costs seconds, so it is imported only when there is something
to check. Its context is in memory, without progress bars and telemetry.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Expectation = tuple[str, dict[str, Any]]


#: Number of values, and of rows that have them, in a sentence.
MOST_SHOWN = 5

_LIMITS = {"min_value": "at least", "max_value": "at most", "value_set": "one of"}
_DEMANDS = {
    "expect_column_values_to_be_unique": "must differ from row to row",
    "expect_column_values_to_not_be_null": "must be there",
}


def failures(frame: pd.DataFrame, expectations: Sequence[Expectation], name: str) -> list[str]:
    """Check `frame` and return one sentence per expectation it does not meet.

    Args:
        frame: counts, shares, ids and statuses; a frame cannot hold exact money, which is tested in dbt.
        expectations: Great Expectations class names with their arguments.
        name: the column that identifies a row in messages.
    """
    import great_expectations as gx
    from great_expectations import expectations as catalogue
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # The second logger sets its own level at import, to log about a folder that is not needed.
    for logger in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(
        name="gate",
        expectations=[getattr(catalogue, demand)(**arguments) for demand, arguments in expectations],
    )
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("frame")
    outcome = batch.get_batch({"dataframe": frame}).validate(suite)
    return [_sentence(result, frame, name) for result in outcome.results if not result.success]


def _sentence(result: Any, frame: pd.DataFrame, name: str) -> str:
    configuration = result.expectation_config
    column, arguments = configuration.kwargs.get("column"), configuration.kwargs
    limits = [f"{words} {arguments[key]}" for key, words in _LIMITS.items() if arguments.get(key) is not None]
    must = _DEMANDS.get(configuration.type, f"must be {' and '.join(limits)}")
    if column not in frame:
        seen = result.result.get("observed_value", (result.exception_info or {}).get("exception_message"))
        return f"the number of rows {must}, is {seen}"
    seen = list(dict.fromkeys(result.result.get("partial_unexpected_list", ())))
    rows = frame.loc[frame[column].isin(seen), name].astype(str).head(MOST_SHOWN)
    values = ", ".join(
        f"{value:.4g}" if isinstance(value, float) else str(value) for value in seen[:MOST_SHOWN]
    )
    return f"{column} {must}, is {values} at {', '.join(rows)}"
