"""The sandbox's usage reports, landed and built: every planted status is found, and one that the contract names and the
sandbox does not plant fails here.
"""

from __future__ import annotations

import shutil

from ingestion.home import Home
from ingestion.sandbox import write_world
from ingestion.sandbox.gateways.usage_reports import SOURCE
from tests.dbt.conftest import build, contract_values, rows

#: Each status twice, and the last day, which is not reported.
DAYS = 13


def test_every_planted_status_of_a_report_is_found_and_no_other(home: Home) -> None:
    """A dozen calls a day; the two that were mapped always match."""
    truth = write_world(home.root, DAYS, 1, 1)
    for source in home.landing.iterdir():
        if source.name != SOURCE:
            shutil.rmtree(source)
    build(home, ["+recon_usage_api"])
    found = rows(home, "select status, event_date || '/' || model_served from marts.recon_usage_api")
    planted = {
        (fault.kind.removeprefix("usage_api_"), fault.subject)
        for fault in truth.faults
        if fault.kind.startswith("usage_api_")
    }
    assert {verdict for verdict in found if verdict[0] != "match"} == planted
    assert {status for status, _ in found} == contract_values("recon_usage_api", "status")
    assert len(found) == len(set(found))
