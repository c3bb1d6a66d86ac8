"""How old the books may be: a night and two hours. Dagster's policy of every mart; the banner is the doctor's."""

from datetime import timedelta

import dagster as dg

from dagster_project.clock import STALE_AFTER

EVERY_NIGHT = dg.FreshnessPolicy.time_window(fail_window=STALE_AFTER, warn_window=timedelta(hours=25))
