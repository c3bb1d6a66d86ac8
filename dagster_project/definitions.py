"""What `dg` loads: everything in defs/, run in one process.

Steps of one run that are processes of their own would find the home locked by their neighbours.
"""

from pathlib import Path

import dagster as dg

from ingestion.files import keep_private


@dg.definitions
def defs() -> dg.Definitions:
    """Load the defs folder, in a process that writes for its own user alone."""
    keep_private()
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))


def usage_apis() -> dg.Definitions:
    """Load the usage APIs alone: a night of the command line reads them before it counts its days."""
    from dagster_project.defs.resources import resources
    from dagster_project.defs.usage_apis import usage_api_assets

    return dg.Definitions.merge(usage_api_assets(), resources())
