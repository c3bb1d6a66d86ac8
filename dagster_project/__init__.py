"""When, in which order and with which checks; what leaves the warehouse; the command line.

Importing this package silences the telemetry and update checks of every tool below it, before any of them
loads.
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
