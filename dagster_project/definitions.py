"""What `dg` loads: everything in defs/, run in one process.

With one process per step, the steps of a run would exclude each other by the home's lock.
"""

from pathlib import Path

import dagster as dg

from ingestion.files import keep_private


@dg.definitions
def defs() -> dg.Definitions:
    """Load the defs folder; files are created readable by the user only."""
    keep_private()
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))


def usage_apis() -> dg.Definitions:
    """Load the usage APIs only: `tollbook run` reads them before it plans its days."""
    from dagster_project.defs.resources import resources
    from dagster_project.defs.usage_apis import usage_api_assets

    return dg.Definitions.merge(usage_api_assets(), resources())
