"""How old the marts may be: a day and two hours. Dagster's freshness policy of every mart; the doctor prints the
banner.
"""

from datetime import timedelta

import dagster as dg

from dagster_project.clock import STALE_AFTER

EVERY_NIGHT = dg.FreshnessPolicy.time_window(fail_window=STALE_AFTER, warn_window=timedelta(hours=25))
