"""A small frame + a list of expectations → what was not as expected, in words.

The only place that knows how to start Great Expectations: importing it costs seconds, so it is imported
when there is something to judge, and only then. Its context lives in memory, draws no bars and reports to
nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Expectation = tuple[str, dict[str, Any]]


def failures(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[str]:
    """Judge `frame` and return one sentence per expectation it does not meet.

    Args:
        frame: counts, shares, ids and statuses; exact money does not survive a frame and is tested in dbt.
        expectations: Great Expectations class names with their arguments.
    """
    import great_expectations as gx
    from great_expectations import expectations as catalogue
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # The second logger sets its own level when it is imported, to tell of a folder nobody asked about.
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(
        name="gate",
        expectations=[getattr(catalogue, name)(**arguments) for name, arguments in expectations],
    )
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("frame")
    outcome = batch.get_batch({"dataframe": frame}).validate(suite)
    return [_sentence(result) for result in outcome.results if not result.success]


def _sentence(result: Any) -> str:
    configuration = result.expectation_config
    limits = {
        key: value
        for key, value in configuration.kwargs.items()
        if key not in ("batch_id", "column") and value is not None
    }
    column = configuration.kwargs.get("column", "table")
    seen = result.result.get("partial_unexpected_list", result.result.get("observed_value"))
    error = (result.exception_info or {}).get("exception_message", "")
    return f"{column}: {configuration.type} {limits} but saw {seen} {error}".rstrip()
