"""A small profile + a suite → a validation result per expectation and row.

The only module that uses Great Expectations. Importing it costs seconds of CPU, so it is imported only when there is
something to judge. One context in memory serves all validations of a process, without progress bars and telemetry.

Rulings: docs/decisions/quality.md#quality-3.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.quality.suites import Expectation, Suite


class NotValidated(RuntimeError):
    """Great Expectations could not evaluate an expectation; the message is its own."""


@dataclass(frozen=True)
class Validation:
    """One expectation on one row of the profile: `observed` is null where the row cannot be judged."""

    row: int
    expectation: Expectation
    observed: float | None
    passed: bool


def validate(
    suite: Suite, profile: Sequence[Mapping[str, Any]], settings: Mapping[str, Any] | None = None
) -> Iterator[Validation]:
    """Validate every row of a profile.

    Args:
        suite: the expectations.
        profile: counts, shares, cents; a frame cannot hold exact money, which is tested in dbt.
        settings: the settings of the source that expectations name.

    Raises:
        NotValidated: an expectation could not be evaluated.
    """
    if not profile:
        return
    import pandas as pd

    library = _library()
    demands = []
    for expectation in suite.expectations:
        least, most = expectation.limits(settings or {})
        demands.append(
            library.expectations.ExpectColumnValuesToBeBetween(
                column=expectation.column, min_value=least, max_value=most, meta={"name": expectation.name}
            )
        )
    columns = list(dict.fromkeys(expectation.column for expectation in suite.expectations))
    frame = pd.DataFrame([[row[name] for name in columns] for row in profile], columns=columns, dtype=float)
    outcome = (
        _batch()
        .get_batch({"dataframe": frame})
        .validate(library.ExpectationSuite(name=suite.name, expectations=demands), result_format="COMPLETE")
    )
    for result in outcome.results:
        expectation = suite.expectation(result.expectation_config.meta["name"])
        failing = set(result.result.get("unexpected_index_list") or ())
        if not result.success and not failing:
            raise NotValidated(f"{suite.name}.{expectation.name}: {result.exception_info}")
        for number, row in enumerate(profile):
            observed = row[expectation.column]
            yield Validation(
                number, expectation, None if observed is None else float(observed), number not in failing
            )


@functools.cache
def _library() -> Any:
    """Import Great Expectations, which imports deprecated modules of Python's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations
    # The second logger sets its own level at import, to log about a folder that is not needed.
    for logger in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    return great_expectations


@functools.cache
def _batch() -> Any:
    """Return the one frame of the context; every validation hands it its own data."""
    library = _library()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = library.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("profiles").add_dataframe_asset("profile")
    return asset.add_batch_definition_whole_dataframe("profile")
