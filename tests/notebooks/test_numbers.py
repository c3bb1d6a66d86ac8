"""The numbers of notebooks, against sums of the facts that are made here."""

from __future__ import annotations

import calendar
from decimal import Decimal

from dagster_project.notebooks import filters
from dagster_project.notebooks.marts import Marts
from dagster_project.reports.next_steps import INVOICE_PAYMENTS


def test_the_explorer_adds_up_to_the_facts_by_any_dimension(run, marts: Marts):
    facts = marts.ask(
        "select sum(cache_optimized_cost_usd) as cost, sum(list_cost_usd) as list from fct_usage_costs"
    ).first()
    for dimension in ("model_served", "workspace_id", "concat_ws(' · ', api_key_name, api_key_id)"):
        shown = run("01", dimension=filters.named(dimension), scope="true", unit="day")
        assert shown["groups"].sums()["cache_optimized_cost_usd"] == facts["cost"]
        assert shown["groups"].sums()["list_cost_usd"] == facts["list"]
        assert shown["series"].rows["cost_usd"].sum() == facts["cost"]


def test_the_explorer_opens_on_the_last_seven_days_before_the_last_call(run):
    shown = run("01")
    assert shown["period"].value == "Last 7 days"
    assert f"timestamp '{shown['last_seen']}'" not in shown["scope"]
    assert "occurred_at > timestamp" in shown["scope"]


def test_a_filter_of_the_explorer_leaves_only_what_it_names(run, marts: Marts):
    [model] = marts.ask("select max(model_served) as model from fct_usage_costs").rows["model"]
    narrowed = filters.conditions({"model_served": [model]})
    shown = run("01", dimension="model_served", scope=narrowed, unit="day")
    assert shown["groups"].rows["name"].to_list() == [model]


def test_charged_less_recomputed_is_the_variance_in_its_parts_and_in_its_reasons(run):
    """Charged − recomputed = quantity + rate + formula + rounding + timing = the sum over the reasons."""
    shown = run("03")
    totals = shown["totals"].first()
    assert totals["charged"] - totals["recomputed"] == totals["variance"]
    assert (
        sum(totals[part] for part in ("quantity", "rate", "formula", "rounding", "timing"))
        == totals["variance"]
    )
    assert shown["reasons"].sums()["cost_variance_usd"] == totals["variance"]
    assert shown["reasons"].sums()["claim_usd"] == totals["claim"]


def test_an_item_that_needs_nobody_is_no_open_item(run, marts: Marts):
    open_ = run("04")["items"].rows["status"].unique().to_list()
    assert open_
    assert not [status for status in open_ if status.startswith("matched")]


def test_the_month_end_balance_is_the_balance_less_the_burn_of_a_week_for_the_days_to_come(run, marts: Marts):
    """Of each wallet: balance − burn of 7 days × days to come // 7, in millionths."""
    shown = run("05")
    today = shown["today"]
    to_come = calendar.monthrange(today.year, today.month)[1] - today.day
    for row in shown["wallets"].rows.iter_rows(named=True):
        burned = row["burned_last_7_days"] * 10**6
        expected = row["balance_now"] - Decimal(int(burned) * to_come // 7) / 10**6
        assert row["month_end_forecast"] == expected


def test_what_if_compares_the_same_requests(run, marts: Marts):
    shown = run("07")
    rows = shown["compared"].rows
    whole = marts.ask(
        "select sum(cost_usd) as cost, sum(target_cost_usd) as target from what_if('openai/gpt-4o-mini')"
    ).first()
    assert rows["cost_usd"].sum() == whole["cost"]
    assert rows["cost_on_target_usd"].sum() == whole["target"]


def test_every_source_is_listed_with_the_worst_first(run, marts: Marts):
    states = run("09")["sources"].rows["state"].to_list()
    order = ["held back", "silent", "look at it", "good"]
    assert states == sorted(states, key=order.index)
    assert len(states) == marts.ask("select count(*) as sources from rpt_source_status").first()["sources"]


def test_the_open_points_of_a_month_are_the_unsettled_items_of_its_reconciliations(run, marts: Marts):
    shown = run("10")
    invoices = shown["points"].rows.filter(shown["points"].rows["mart"] == "recon_invoice_payments")
    listed = marts.ask(f"""
        select count(*) as items from recon_invoice_payments
        where
            strftime(coalesce(issued_at, payment_created_at), '%Y-%m') = '{shown["month"].value}'
            and {filters.conditions({"status": list(INVOICE_PAYMENTS.next_steps)})}""").first()
    assert invoices["items"].sum() == listed["items"]
    assert all(step for step in invoices["what_to_do"])
