# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Credits and budgets")

with app.setup:
    import calendar

    import marimo as mo
    import polars as pl

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    BURN_DAYS = 7


@app.function
def units(micro: str) -> str:
    """Return SQL of an amount in credits or quota units, from millionths."""
    return f"cast(cast({micro} as decimal(32, 0)) * 0.000001 as decimal(38, 6))"


@app.cell(hide_code=True)
def _():
    tables.head(
        "Credits and budgets",
        "How many credits are left, when do they run out, and does this month stay within plan and budget? Choose a wallet"
        " to see its balance day by day, what it was filled with, and every entry.",
        "fct_credit_balances_daily", "fct_credit_grants", "fct_credit_entries", "rpt_budgets",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    _options = marts.ask("""
        select
            list_sort(list(distinct source)) as sources, list_sort(list(distinct workspace_id)) as workspaces,
            max(event_date) as today
        from fct_credit_balances_daily""").first()
    today = _options["today"]
    mo.stop(
        today is None,
        tables.nothing(
            "No wallet is published.",
            "Wallets come from invoices, top-ups and plans, or from `config/credit_grants.csv` of the home.",
        ),
    )
    sources = filters.choices("source", "Source", _options["sources"])
    workspaces = filters.choices("workspace", "Workspace", _options["workspaces"])
    only_used = filters.choice(
        "wallets", "Wallets", ["All", "In use these 7 days", "Overdrawn or running out"]
    )
    mo.hstack([sources, workspaces, only_used], justify="start", wrap=True)
    return only_used, sources, today, workspaces


@app.cell(hide_code=True)
def _(marts, only_used, sources, today, workspaces):
    _to_come = calendar.monthrange(today.year, today.month)[1] - today.day
    _kept = {
        "All": "true",
        "In use these 7 days": "burned > 0",
        "Overdrawn or running out": "overage > 0 or run_out_date is not null",
    }[only_used.value]
    wallets = marts.ask(f"""
        with burns as (
            select source, workspace_id, unit, cast(sum(burned_micro) as hugeint) as recent_micro
            from fct_credit_balances_daily
            where event_date > date '{today}' - {BURN_DAYS}
            group by all
        ),
        wallets as (
            select
                source, workspace_id, {units("closing_micro")} as balance_now, {units("recent_micro")} as burned,
                run_out_date, {units(f"closing_micro - recent_micro * {_to_come} // {BURN_DAYS}")} as month_end_forecast,
                {units("overage_micro")} as overage, unit
            from fct_credit_balances_daily
            left join burns using (source, workspace_id, unit)
            where is_current and {filters.conditions({"source": sources.value, "workspace_id": workspaces.value})}
        )
        select
            source, workspace_id, balance_now, burned as burned_last_7_days, run_out_date, month_end_forecast,
            overage as overage_today, unit
        from wallets where {_kept}
        order by run_out_date nulls last, burned desc, source, workspace_id""")
    budgets = marts.ask("""
        select
            concat_ws(' ', kind, scope, subject) as subject, status, used_share, forecast_share, used, allowance,
            forecast as month_end_forecast, unit, days_to_come, as_of_date, billing_month, unpriced_requests
        from rpt_budgets
        order by is_current_month desc, billing_month desc, forecast_share desc nulls last""")
    return budgets, wallets


@app.cell(hide_code=True)
def _(budgets, wallets):
    _running_out = wallets.rows.filter(pl.col("run_out_date").is_not_null())
    _over = budgets.rows.filter(pl.col("status") == "over") if budgets else budgets.rows
    table = tables.table(wallets, selection="single", first_selected=True)
    _first = _running_out["run_out_date"].min()
    mo.vstack([
        tables.figures(
            ("Wallets", tables.count(wallets.rows.height), "of this choice"),
            ("Running out", tables.count(_running_out.height), f"the first on {_first}" if _first else "at the use of the last 7 days"),
            ("Empty or overdrawn", tables.count(wallets.rows.filter(pl.col("balance_now") <= 0).height), "balance 0 or below"),
            ("Plans and budgets over", tables.count(_over.height), f"of {budgets.rows.height}"),
        ),
        mo.md("**Wallets, those that run out first on top**"),
        tables.with_sql(table, wallets) if wallets else tables.nothing("No wallet matches.", "[Reset](?) the filters."),
        mo.md("**Plan allowances and budgets, used and expected at the end of the month**"),
        tables.with_sql(tables.table(budgets), budgets) if budgets else tables.nothing(
            "No plan and no budget is known.", "Land the gateway's `plans`, or write `config/budgets.csv`."
        ),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(marts, table, wallets):
    wallet = tables.picked(table, wallets)
    mo.stop(wallet is None, tables.nothing("No wallet is chosen.", "Choose one above to see its entries."))
    _of_wallet = filters.conditions(
        {"source": [wallet["source"]], "workspace_id": [wallet["workspace_id"]], "unit": [wallet["unit"]]}
    )
    balances = marts.ask(f"""
        select
            event_date, {units("closing_micro")} as balance, {units("opening_micro")} as opening,
            {units("granted_micro")} as granted, {units("burned_micro")} as burned, {units("expired_micro")} as expired,
            {units("adjusted_micro")} as adjusted, {units("overage_micro")} as overage
        from fct_credit_balances_daily where {_of_wallet} order by event_date""")
    grants = marts.ask(f"""
        select
            granted_at, grant_kind, {units("granted_micro")} as granted, {units("remaining_micro")} as remaining,
            {units("used_micro")} as used, {units("expired_micro")} as expired, expires_at, price_amount, price_currency,
            invoice_id, grant_id, raw_file, raw_line
        from fct_credit_grants where {_of_wallet} order by granted_at""")
    entries = marts.ask(f"""
        select
            entered_at, entry_kind, caused_by, {units("amount_micro")} as amount, value_amount, value_currency, invoice_id,
            grant_id, usage_date, raw_file, raw_line
        from fct_credit_entries where {_of_wallet} order by entered_at desc, entry_id""")
    return balances, entries, grants, wallet


@app.cell(hide_code=True)
def _(balances, entries, grants, wallet):
    mo.vstack([
        mo.plain_text(f"{wallet['workspace_id']} at {wallet['source']}, in {wallet['unit']}"),
        charts.over_time(balances.rows, "event_date", "balance"),
        mo.ui.tabs({
            "Day by day": tables.table(balances),
            "Lots, and what is left of each": tables.table(grants),
            "Every entry": tables.table(entries),
        }),
        tables.shown_sql(balances, grants, entries),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
