"""A closed month keeps its ledger of credits: what is heard of later is posted where the books are still open."""

from __future__ import annotations

from datetime import date

import pytest

from dagster_project.books.closing import ClosedFileDamaged, close
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.project import Mart
from ingestion.home import Home
from tests.dbt.conftest import build, land_text, rows
from tests.dbt.marts.test_credits import MICRO, PLAN, RENEWAL, SELECT, call, entries, invoice

MARTS = [Mart("fct_usage_costs"), Mart("fct_credit_entries"), Mart("fct_credit_balances_daily")]
CLOSED = "select * from marts.fct_credit_entries where event_date < '2026-11-01' order by entry_id"


def night(home: Home, today: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build and publish as if it were `today`."""
    monkeypatch.setenv("TOLLBOOK_TODAY", today)
    build(home, SELECT)
    publish(home, MARTS)


def left_by_a_closing_that_died(home: Home) -> None:
    half = home.lake / "closings" / "2026-10.credits.parquet"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"half a file")


def test_late_usage_and_a_late_invoice_of_a_closed_month_do_not_change_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 monthly credits 30 were used in October and 70 lost, and October is closed.

    On 3 November an October invoice of 1000 credits is heard of, a call of 50 in October, and that the 30 were 35.
    The 1000 count from 1 November. The 50 and the 5 come off them, on the 3rd, as one call: the 70 that were
    booked as lost stay lost.
    """
    land_text(home, "infery/plans/dt=2026-09-01/plans.ndjson", [PLAN])
    land_text(
        home,
        "infery/invoices/dt=2026-10-02/invoices.ndjson",
        [invoice("renewal", "ws_plan", "2026-10-01T00:00:00Z", 100, **RENEWAL)],
    )
    land_text(
        home, "infery/requests/dt=2026-10-06/one.ndjson", [call(1, "ws_plan", "2026-10-05T09:00:00Z", 30)]
    )
    land_text(
        home, "infery/requests/dt=2026-11-02/two.ndjson", [call(2, "ws_plan", "2026-11-02T09:00:00Z", 1)]
    )
    left_by_a_closing_that_died(home)
    night(home, "2026-11-02", monkeypatch)
    left_by_a_closing_that_died(home)
    close(home, "2026-10", date(2026, 11, 2), lambda home, month: [], force=False)
    before = rows(home, CLOSED)
    land_text(
        home,
        "infery/invoices/dt=2026-11-03/invoices.ndjson",
        [invoice("late", "ws_plan", "2026-10-10T00:00:00Z", 1000)],
    )
    late, changed = (
        call(3, "ws_plan", "2026-10-20T09:00:00Z", 50),
        call(1, "ws_plan", "2026-10-05T09:00:00Z", 35),
    )
    land_text(home, "infery/requests/dt=2026-11-03/late.ndjson", [late, changed])
    night(home, "2026-11-03", monkeypatch)
    assert rows(home, CLOSED) == before
    assert entries(home, "ws_plan") == [
        ("10-01 00:00", "grant", "renewal", 100),
        ("10-05 00:00", "burn", "renewal", -30),
        ("11-01 00:00", "expire", "renewal", -70),
        ("11-01 00:00", "adjust", "late", 1000),
        ("11-02 00:00", "burn", "late", -1),
        ("11-03 00:00", "burn", "late", -55),
    ]
    burned = "select requests, burned_micro from marts.recon_credit_burn where event_date = '2026-11-03'"
    assert rows(home, burned) == [(1, 55 * MICRO)]
    closed_file = home.lake / "closings" / "2026-10.credits.parquet"
    assert closed_file.exists()
    closed_file.unlink()
    with pytest.raises(ClosedFileDamaged, match=r"credits\.parquet is gone"):
        build(home, SELECT)
