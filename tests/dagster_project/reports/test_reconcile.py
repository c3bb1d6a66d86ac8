"""The reconciliation report over a mart written by hand, and that every status is explained."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.dbt_runner.project import project
from dagster_project.reports import reconcile as report
from dagster_project.reports.next_steps import INVOICE_PAYMENTS, RECONCILIATIONS, REPORTED_COSTS
from ingestion.home import Home
from tests.dbt.conftest import contract_values

#: Status, currency, payable, received, day of issue.
ITEMS = (
    ("matched", "gbp", "120.00", "120.00", "2026-10-30"),
    ("matched", "gbp", "20.00", "20.00", "2026-11-02"),
    ("missing_invoice", "jpy", "0", "4000", "2026-11-03"),
    ("disputed", "gbp", "20.00", "20.00", "2026-11-05"),
    ("disputed", "gbp", "30.00", "30.00", "2026-11-04"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path)
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute("create schema published.marts")
        marts.execute(
            "create table published.marts.recon_invoice_payments (status varchar, currency varchar,"
            " payable_amount decimal(22, 4), received_amount decimal(22, 4), issued_at timestamp,"
            " payment_created_at timestamp)"
        )
        for item in ITEMS:
            marts.execute(
                "insert into published.marts.recon_invoice_payments values ($1, $2, $3, $4, $5, null)", item
            )
    monkeypatch.setattr(report, "RECONCILIATIONS", (INVOICE_PAYMENTS,))
    return home


def run(home: Home, *arguments: str):
    return CliRunner().invoke(app, ["reconcile", "--home", str(home.root), *arguments])


def test_a_status_has_count_amount_age_and_what_to_do(home: Home) -> None:
    """20 + 30 = 50 GBP disputed since the 4th."""
    [disputed] = [one for one in report.reconcile(home) if one.status == "disputed"]
    assert (disputed.items, disputed.currency, disputed.amount) == (2, "GBP", Decimal("50.00"))
    assert str(disputed.oldest) == "2026-11-04"
    assert disputed.needs_a_person


def test_currencies_are_never_added(home: Home) -> None:
    assert {one.currency for one in report.reconcile(home)} == {"GBP", "JPY"}


def test_what_needs_a_person_comes_first_and_ends_with_3(home: Home) -> None:
    ended = run(home)
    assert ended.exit_code == 3
    text = ended.stdout
    assert text.index("disputed") < text.index("missing_invoice") < text.index("matched")
    assert "before its deadline" in text


def test_a_month_where_all_is_explained_ends_with_0(home: Home) -> None:
    ended = run(home, "--month", "2026-10", "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == [
        {
            "reconciliation": "recon_invoice_payments",
            "status": "matched",
            "items": 1,
            "currency": "GBP",
            "amount": "120.00",
            "oldest": "2026-10-30",
            "next_step": None,
        }
    ]


def test_an_undeclared_field_is_listed_with_the_charges_of_its_rows(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """41 calls of which nothing explains 1.64 USD have one new field, and no other call has."""
    monkeypatch.setattr(report, "RECONCILIATIONS", (REPORTED_COSTS,))
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute(
            "create table published.marts.recon_reported_costs as select date '2026-11-01' as event_date,"
            " reason as variance_reason, n as requests, amount as cost_variance_usd, 0 as charged_usd,"
            " 0 as unpriced_charge_usd, 0 as unreported_cost_usd"
            " from (values ('match', 900, 0), ('price_mismatch', 41, 1.64)) as rows (reason, n, amount)"
        )
        marts.execute(
            "create table published.marts.rpt_unknown_fields as select date '2026-11-01' as event_date,"
            " 'aisa' as source, 'price_mismatch' as variance_reason, 'image_generation_call_price' as field_name,"
            " 41 as requests, 41 as reason_requests, true as is_unexplained, 1.64 as cost_variance_usd,"
            " 0 as unpriced_charge_usd, 'r-1' as example_request_id"
        )
    said = "aisa: new field image_generation_call_price on 41 of 41 unexplained rows, 1.64 USD"
    assert said in " ".join(run(home).stdout.split())
    statuses = json.loads(run(home, "--json").stdout)
    assert {one["status"]: one.get("unknown_fields") for one in statuses} == {
        "match": None,
        "price_mismatch": [said],
    }


def test_a_month_that_cannot_be_read_ends_with_2(home: Home) -> None:
    assert run(home, "--month", "11/2026").exit_code == 2


def test_without_a_publication_it_reports_how_to_get_one(tmp_path: Path) -> None:
    ended = run(Home(tmp_path / "empty"))
    assert ended.exit_code == 1
    assert "tollbook run" in ended.output


#: Other views of recon_invoice_payments: its past, its sums, its months.
SUMMARIES = {"recon_status_history", "recon_summary", "recon_period_bridge"}


def test_every_reconciliation_is_in_the_report() -> None:
    marts = {mart.name for mart in project().marts if mart.name.startswith("recon_")}
    assert marts - SUMMARIES == {reconciliation.mart for reconciliation in RECONCILIATIONS}


@pytest.mark.parametrize("reconciliation", RECONCILIATIONS, ids=lambda one: one.mart)
def test_every_status_either_is_settled_or_has_a_next_step(reconciliation: report.Reconciliation) -> None:
    assert not reconciliation.settled & reconciliation.next_steps.keys()
    # Reasons are checked where they are decided, on the requests.
    mart = "fct_usage_costs" if reconciliation.status == "variance_reason" else reconciliation.mart
    assert (
        contract_values(mart, reconciliation.status)
        == reconciliation.settled | reconciliation.next_steps.keys()
    )
