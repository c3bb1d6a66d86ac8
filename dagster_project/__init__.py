"""Scheduling, order and checks; publishing and exports; the command line.

Importing this package turns off telemetry and update checks of all tools before they are imported.
"""

import os

_SILENT = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_VERSION_CHECK": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MARIMO_SKIP_UPDATE_CHECK": "1",
}

for _variable, _value in _SILENT.items():
    os.environ.setdefault(_variable, _value)
