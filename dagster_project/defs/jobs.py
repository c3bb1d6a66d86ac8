"""Jobs only: the nightly job runs all assets in one process (a process per step would cost more than the work).

Rulings: docs/decisions/runs.md#runs-5.
"""

import dagster as dg

from dagster_project.runs.names import NIGHTLY

nightly = dg.define_asset_job(
    name=NIGHTLY,
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Convert the delivered days that need it, rebuild the days they touch, check, publish.",
)
