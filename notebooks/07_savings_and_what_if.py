# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Savings and what-if")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    FILTERS = {"Source": "source", "Workspace": "workspace_id", "Model": "model_served"}


@app.cell(hide_code=True)
def _():
    tables.head(
        "Savings and what-if",
        "What did discounts and the prompt cache save, and what would the same tokens have cost on another model? Choose a"
        " target: any model of the price catalogue, used before or not.",
        "fct_usage_daily", "fct_discount_use_daily", "dim_discount_rules", "what_if", "dim_prices",
        "dim_catalogue_prices",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    dates, chosen = filters.offered(marts, "fct_usage_daily", FILTERS, 31)
    filters.in_a_row(dates, *chosen.elements.values())
    return chosen, dates


@app.cell(hide_code=True)
def _(chosen, dates, marts):
    scope = filters.scope(dates.value, chosen.value, FILTERS)
    saved = marts.ask(f"""
        select
            {filters.named("workspace_id")} as workspace_id,
            sum(list_cost_usd) as list_cost_usd,
            sum(discount_savings_usd) as discount_savings_usd,
            sum(cache_savings_usd) as cache_savings_usd,
            sum(cache_optimized_cost_usd) as cache_optimized_cost_usd,
            sum(discount_savings_usd) / nullif(sum(list_cost_usd), 0) as discount_share,
            sum(cache_savings_usd) / nullif(sum(discounted_cost_usd), 0) as cache_savings_share,
            sum(discount_savings_usd + cache_savings_usd) / nullif(sum(list_cost_usd), 0) as total_savings_share,
            cast(sum(requests) as bigint) as requests,
            cast(sum(unpriced_requests) as bigint) as unpriced_requests
        from fct_usage_daily
        where {scope}
        group by all
        order by sum(discount_savings_usd + cache_savings_usd) desc, workspace_id""")
    days = marts.ask(f"""
        select
            event_date, unnest(['cost', 'saved by the cache', 'saved by discounts']) as part,
            unnest([cost_usd, cache_savings_usd, discount_savings_usd]) as part_usd
        from (
            select
                event_date, sum(cache_optimized_cost_usd) as cost_usd, sum(cache_savings_usd) as cache_savings_usd,
                sum(discount_savings_usd) as discount_savings_usd
            from fct_usage_daily where {scope} group by event_date
        )
        order by event_date, part""")
    rules = marts.ask(f"""
        with used as (
            select rule_id, sum(requests) as requests
            from (
                select unnest(string_split(discount_rule_id, '+')) as rule_id, requests
                from fct_discount_use_daily where {filters.between("event_date", dates.value)}
            )
            group by rule_id
        )
        select
            rule_id, kind, 1 - discount_factor as discount_share, cast(requests as bigint) as requests,
            rule_savings_usd as saved_ever_usd, reason, workspace_id, group_name, model, valid_from, valid_to, config_file,
            config_line
        from dim_discount_rules
        left join used using (rule_id)
        order by rule_savings_usd desc nulls last, rule_id""")
    return days, rules, saved, scope


@app.cell(hide_code=True)
def _(days, rules, saved):
    mo.stop(not saved, tables.no_match())
    _sum = {name: saved.rows[name].sum() for name in saved.rows.columns if name.endswith("_usd")}
    _list = _sum["list_cost_usd"] or 1
    mo.vstack([
        tables.figures(
            ("At list price", f"{tables.usd(_sum['list_cost_usd'])} USD", "every prompt token as plain input"),
            ("Saved by discounts", f"{tables.usd(_sum['discount_savings_usd'])} USD",
             f"{tables.share(_sum['discount_savings_usd'] / _list)} of list"),
            ("Saved by the cache", f"{tables.usd(_sum['cache_savings_usd'])} USD",
             f"{tables.share(_sum['cache_savings_usd'] / _list)} of list"),
            ("Cost", f"{tables.usd(_sum['cache_optimized_cost_usd'])} USD", "after both"),
        ),
        charts.over_time(days.rows, "event_date", "part_usd", "part", bars=True),
        mo.ui.tabs({
            "By workspace": tables.with_sql(tables.table(saved), saved, days),
            "By discount rule": tables.with_sql(tables.table(rules), rules) if rules else tables.nothing(
                "No discount rule is known.", "Write them into `config/discount_rules.csv` of the home."
            ),
        }),
    ])  # fmt: skip
    return


@app.cell(hide_code=True)
def _(marts):
    _targets = (
        marts.ask("""
        select concat_ws('/', price_provider, price_model) as target from dim_prices
        union
        select concat_ws('/', catalogue_provider, catalogue_model) from dim_catalogue_prices
        order by target""")
        .rows["target"]
        .to_list()
    )
    target = filters.choice("target", "What if it had all run on", _targets, "openai/gpt-4o-mini")
    target
    return (target,)


@app.cell(hide_code=True)
def _(marts, scope, target):
    mo.stop(
        target.value is None,
        tables.nothing("There is no price to compare with.", "Run the night: it reads the catalogue."),
    )
    compared = marts.ask(f"""
        select
            {filters.named("model_served")} as model_served,
            sum(cost_usd) as cost_usd,
            sum(target_cost_usd) as cost_on_target_usd,
            sum(target_cost_usd) - sum(cost_usd) as difference_usd,
            sum(target_cost_usd) / nullif(sum(cost_usd), 0) - 1 as change_share,
            sum(cost_without_cache_usd) as without_cache_usd,
            sum(cost_without_discounts_usd) as without_discounts_usd,
            cast(sum(requests) as bigint) as requests,
            cast(sum(requests_without_target_price) as bigint) as without_target_price
        from {filters.called("what_if", target.value)}
        where {scope}
        group by all
        order by sum(cost_usd) desc, model_served""")
    mo.stop(
        not compared,
        tables.nothing(
            "Nothing can be compared.", "Only priced calls, billed by tokens, have another price."
        ),
    )
    _cost, _target = (compared.rows[name].sum() for name in ("cost_usd", "cost_on_target_usd"))
    _unpriced = compared.rows["without_target_price"].sum()
    mo.vstack([
        tables.figures(
            ("Cost as it was", f"{tables.usd(_cost)} USD", "calls billed by tokens"),
            (f"On {target.value}", f"{tables.usd(_target)} USD", "same tokens, times and discounts"),
            ("Difference", f"{tables.usd(_target - _cost)} USD", f"{tables.share(_target / _cost - 1)}" if _cost else ""),
            ("Without a price there", tables.count(_unpriced), "requests missing in the second sum"),
        ),
        tables.with_sql(tables.table(compared, page_size=15), compared),
        mo.md("Another model may need other token counts and give longer answers; neither is estimated."),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
