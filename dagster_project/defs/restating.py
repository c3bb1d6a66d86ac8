"""The job `restate` only: `tollbook restate` in the Dagster UI.

Rulings: docs/decisions/runs.md#runs-8.
"""

import dagster as dg

from dagster_project.defs.prices import CONFIG, PRICES
from dagster_project.runs.names import LOAD_RECORDS, RESTATE

#: Placeholders to replace in the launchpad; unchanged they are refused.
_TO_FILL_IN = {"first_day": "YYYY-MM-DD", "last_day": "YYYY-MM-DD", "reason": ""}

restate = dg.define_asset_job(
    name=RESTATE,
    selection=dg.AssetSelection.assets(LOAD_RECORDS, CONFIG, PRICES).downstream(),
    config={"ops": {"dbt": {"config": {"restate": _TO_FILL_IN}}}},
    executor_def=dg.in_process_executor,
    description="Price open days again with today's prices and rules; the earlier values are kept. "
    "Days of a closed month are refused. Reads no delivery.",
)
