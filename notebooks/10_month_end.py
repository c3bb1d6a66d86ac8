# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Month end")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import filters, tables
    from dagster_project.notebooks.marts import open_marts
    from dagster_project.reports.next_steps import RECONCILIATIONS

    STEPS = {one.title: one for one in RECONCILIATIONS}


@app.function
def in_month(day: str, month: str) -> str:
    """Return SQL that holds for the days of a month, YYYY-MM."""
    return f"strftime({day}, '%Y-%m') = '{month}'"


@app.function
def open_items(month: str) -> str:
    """Return SQL of the items of every reconciliation that need someone, counted by status."""
    return "\n        union all\n        ".join(
        f"""select
            '{one.title}' as reconciliation, {one.status} as status, cast({one.items} as bigint) as items,
            cast(sum({one.amount}) as decimal(38, 2)) as amount, {one.currency} as currency, '{one.mart}' as mart
        from {one.mart}
        where {in_month(one.day, month)} and {one.status} not in ({", ".join(f"'{status}'" for status in sorted(one.settled)) or "''"})
        group by all"""
        for one in RECONCILIATIONS
    )


@app.cell(hide_code=True)
def _():
    tables.head(
        "Month end",
        "Can this month be closed, what does it come to, and what is still open? Choose an open point to see its rows.",
        "fct_usage_daily", "fct_day_completeness", "rpt_source_status", "recon_*", "recon_period_bridge",
        "rpt_vat_monthly",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    _months = marts.ask(
        "select distinct strftime(event_date, '%Y-%m') as month from fct_usage_daily order by month desc"
    ).rows["month"]
    mo.stop(
        _months.is_empty(),
        tables.nothing("No usage is published.", "Land a gateway's logs, then `tollbook run`."),
    )
    month = filters.choice("month", "Month (UTC)", _months.to_list())
    month
    return (month,)


@app.cell(hide_code=True)
def _(marts, month):
    workspaces = marts.ask(f"""
        select
            {filters.named("workspace_id")} as workspace_id,
            sum(cache_optimized_cost_usd) as cache_optimized_cost_usd,
            sum(reported_cost_usd) as reported_cost_usd,
            sum(cost_variance_usd) as cost_variance_usd,
            sum(discounted_cost_usd) as discounted_cost_usd,
            sum(list_cost_usd) as list_cost_usd,
            cast(sum(requests) as bigint) as requests,
            cast(sum(unpriced_requests) as bigint) as unpriced_requests,
            sum(cache_optimized_cost_usd) filter (not {in_month("usage_date", month.value)}) as adjustments_of_earlier_months_usd
        from fct_usage_daily
        where {in_month("event_date", month.value)}
        group by all
        order by sum(cache_optimized_cost_usd) desc, workspace_id""")
    readiness = marts.ask(f"""
        select
            (select count(*) from fct_day_completeness where not is_complete and {in_month("event_date", month.value)}) as incomplete_days,
            (select count(*) from rpt_source_status where is_held_back) as held_back,
            (select count(*) from rpt_source_status where is_silent) as silent""")
    points = marts.ask(f"""
        select * from (
        {open_items(month.value)}
        )
        order by items desc, reconciliation, status""")
    _steps = {
        (title, status): step for title, one in STEPS.items() for status, step in one.next_steps.items()
    }
    points = points.with_words("what_to_do", ("reconciliation", "status"), _steps, "look at its rows", 5)
    return points, readiness, workspaces


@app.cell(hide_code=True)
def _(month, points, readiness, workspaces):
    _sum, _ready = workspaces.sums(), readiness.first()
    table = tables.table(points, selection="single", page_size=12, first_selected=True)
    _cards = tables.figures(
        ("Cost", f"{tables.usd(_sum['cache_optimized_cost_usd'])} USD", f"{_sum['requests']:,} requests"),
        (
            "Charged",
            f"{tables.usd(_sum['reported_cost_usd'])} USD",
            f"{tables.usd(_sum['cost_variance_usd'])} variance",
        ),
        ("Without a price", tables.count(_sum["unpriced_requests"]), "requests that no sum contains"),
        ("Incomplete days", tables.count(_ready["incomplete_days"]), "days of sources, in this month"),
        ("Sources not here", tables.count(_ready["held_back"] + _ready["silent"]), "held back or silent"),
        ("Open items", tables.count(points.sums().get("items", 0)), "of all reconciliations"),
    )
    _open = (
        tables.with_sql(table, points)
        if points
        else tables.nothing("Nothing is open.", "The month can be closed.")
    )
    _close = mo.md(
        f"To close it: `tollbook close --month {month.value}`. What changes later becomes an adjustment of the day it is found."
    )
    mo.vstack([_cards, mo.md("**What is still open**"), _open, _close])
    return (table,)


@app.cell(hide_code=True)
def _(marts, month, points, table):
    _point = tables.picked(table, points)
    mo.stop(_point is None, tables.nothing("No point is chosen.", "Choose one above to see its rows."))
    _one = STEPS[_point["reconciliation"]]
    rows = marts.ask(f"""
        select * from {_one.mart}
        where {in_month(_one.day, month.value)} and {filters.conditions({_one.status: [_point["status"]]})}
        limit 500""")
    mo.vstack(
        [
            mo.plain_text(f"{_one.title}: {_point['status']}, at most 500 rows"),
            tables.with_sql(tables.table(rows, page_size=8), rows),
        ]
    )
    return


@app.cell(hide_code=True)
def _(marts, month, workspaces):
    bridge = marts.ask(f"""
        select
            currency, invoiced_minor, credited_minor, settled_otherwise_minor, paid_for_other_months_minor, without_invoice_minor,
            overpaid_minor, unpaid_minor, timing_minor, paid_in_other_months_minor, refunded_minor, disputed_minor, received_minor
        from recon_period_bridge where {in_month("period_month", month.value)} order by currency""")
    vat = marts.ask(f"""
        select vat_treatment, currency, net_amount, vat_amount, total_amount, invoice_count, credit_note_count, source
        from rpt_vat_monthly where {in_month("vat_month", month.value)} order by currency, vat_treatment""")
    _nothing = ("No invoice or payment is of this month.", "Land `invoices`, or add Stripe to `sources.yml`.")
    mo.vstack([
        mo.md("**What it comes to**"),
        mo.ui.tabs({
            "Usage by workspace": tables.table_or(workspaces, "No usage.", ""),
            "From invoiced to received": tables.table_or(bridge, *_nothing),
            "VAT": tables.table_or(vat, *_nothing),
        }),
        mo.md(f"On paper: `tollbook statement --month {month.value}` writes a statement of every workspace, as HTML and PDF."),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
