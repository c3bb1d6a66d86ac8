# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Charged against recomputed")

with app.setup:
    import marimo as mo
    import polars as pl

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts
    from dagster_project.reports.next_steps import REPORTED_COSTS

    FILTERS = {"Source": "source", "Workspace": "workspace_id", "Model": "model_served", "Key": "api_key_id"}
    PARTS = ("quantity", "rate", "formula", "rounding", "timing")


@app.cell(hide_code=True)
def _():
    tables.head(
        "Charged against recomputed",
        "Did the gateway charge what the price list says, and if not, why, how much, and what is there to claim? Choose"
        " a reason to see its requests, and a request to see both bills.",
        "recon_reported_costs", "fct_usage_costs",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    dates, chosen = filters.offered(marts, "recon_reported_costs", FILTERS, 31)
    filters.in_a_row(dates, *chosen.elements.values())
    return chosen, dates


@app.cell(hide_code=True)
def _(chosen, dates, marts):
    scope = filters.scope(dates.value, chosen.value, FILTERS)
    totals = marts.ask(f"""
        select
            sum(charged_usd) as charged, sum(recomputed_usd) as recomputed, sum(claim_usd) as claim,
            sum(quantity_variance_usd) as quantity, sum(rate_variance_usd) as rate, sum(formula_variance_usd) as formula,
            sum(rounding_variance_usd) as rounding, sum(timing_variance_usd) as timing, sum(cost_variance_usd) as variance
        from recon_reported_costs
        where {scope}""")
    reasons = marts.ask(f"""
        select
            variance_reason,
            sum(cost_variance_usd) as cost_variance_usd,
            sum(claim_usd) as claim_usd,
            cast(sum(requests) as bigint) as requests,
            sum(charged_usd) as charged_usd,
            sum(recomputed_usd) as recomputed_usd,
            sum(unreported_cost_usd) as not_reported_usd,
            sum(unpriced_charge_usd) as charged_without_a_price_usd
        from recon_reported_costs
        where {scope}
        group by variance_reason
        order by abs(sum(cost_variance_usd)) + sum(claim_usd) desc nulls last, sum(requests) desc""")
    reasons = reasons.with_words("what_to_do", "variance_reason", REPORTED_COSTS.next_steps, "nothing", 4)
    return reasons, scope, totals


@app.cell(hide_code=True)
def _(reasons, totals):
    _sum = totals.first()
    mo.stop(
        _sum["charged"] is None,
        tables.no_match(),
    )
    _places = max(2, tables.places_of([_sum["variance"]]))
    _by_part = pl.DataFrame(
        {"step": [*PARTS, "variance"], "variance_usd": [_sum[part] for part in (*PARTS, "variance")]}
    )
    _explained = reasons.rows.filter(pl.col("cost_variance_usd") != 0).select(
        "variance_reason", "cost_variance_usd"
    )
    _by_reason = pl.DataFrame({
        "step": [*_explained["variance_reason"], "variance"], "variance_usd": [*_explained["cost_variance_usd"], _sum["variance"]],
    })  # fmt: skip
    table = tables.table(reasons, selection="single", page_size=20)
    mo.vstack([
        tables.figures(
            ("Charged", f"{tables.usd(_sum['charged'])} USD", "by the gateways, where both sides are known"),
            ("Recomputed", f"{tables.usd(_sum['recomputed'])} USD", "from tokens, prices and rules"),
            ("Variance", f"{tables.usd(_sum['variance'], _places)} USD", "charged less recomputed"),
            ("To claim", f"{tables.usd(_sum['claim'], _places)} USD", "charged too much, or for failed calls"),
        ),
        mo.hstack(
            [charts.waterfall(_by_part, "step", "variance_usd"), charts.waterfall(_by_reason, "step", "variance_usd")],
            widths=[2, 3],
        ),
        tables.with_sql(table, totals, reasons),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(chosen, dates, marts, reasons, scope, table):
    _reason = tables.picked(table, reasons)
    mo.stop(_reason is None, tables.nothing("No reason is chosen.", "Choose one above to see its requests."))
    requests = marts.ask(f"""
        select
            occurred_at, request_id, model_served, status, cost_variance_usd, reported_cost_usd,
            cache_optimized_cost_usd, input_tokens, output_tokens, cache_read_tokens, discount_factor,
            api_key_id, workspace_id, raw_file, raw_line
        from fct_usage_costs
        where {scope} and {filters.conditions({"variance_reason": [_reason["variance_reason"]]})}
        order by abs(coalesce(cost_variance_usd, reported_cost_usd, 0)) desc, occurred_at, event_id
        limit 200""")
    request_table = tables.table(requests, selection="single", page_size=8)
    mo.vstack([
        mo.plain_text(f"Requests with the reason {_reason['variance_reason']}, largest variance first, at most 200"),
        tables.with_sql(request_table, requests),
    ])  # fmt: skip
    return request_table, requests


@app.cell(hide_code=True)
def _(marts, request_table, requests):
    _request = tables.picked(request_table, requests)
    mo.stop(
        _request is None,
        tables.nothing("No request is chosen.", "Choose one to see its bill and what was charged."),
    )
    mo.plain_text(marts.bill_of(_request["request_id"]))
    return


if __name__ == "__main__":
    app.run()
