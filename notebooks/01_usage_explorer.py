# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Usage explorer")

with app.setup:
    from datetime import timedelta

    import marimo as mo

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    DIMENSIONS = {
        "Model": "model_served",
        "Key": "concat_ws(' · ', api_key_name, api_key_id)",
        "Member": "member_id",
        "Group": "group_name",
        "Workspace": "workspace_id",
        "Call type": "call_type",
        "Status": "status",
        "Source": "source",
        "Origin": "origin",
        "Requested model": "model_requested",
        "Day": "cast(event_date as varchar)",
    }
    FILTERS = {name: column for name, column in DIMENSIONS.items() if name not in ("Requested model", "Day")}
    PERIODS = {"Last 24 hours": 1, "Last 7 days": 7, "Last 30 days": 30, "Custom": None}
    ORDERS = {"Latest": "occurred_at", "Most expensive": "cache_optimized_cost_usd", "Slowest": "duration_ms"}
    # A correction of a closed day is no further request.
    COUNTED = "sum(case adjustment_kind when 'changed' then 0 when 'vanished' then -1 else 1 end)"
    CACHED = "cache_read_tokens + cache_read_audio_tokens + cache_read_image_tokens + cache_read_video_tokens"


@app.cell(hide_code=True)
def _():
    tables.head(
        "Usage explorer",
        "What did we use, what did it cost, and what did discounts and the cache save? Choose a row to see its"
        " requests, and a request to see its bill.",
        "rpt_usage_to_date", "rpt_budgets", "fct_usage_daily", "fct_usage_costs",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    to_date = marts.ask("""
        select window_name, cache_optimized_cost_usd, requests, coalesce(credits_used, 0) as credits_used
        from rpt_usage_to_date
        where source = 'all' and scope = 'all' and window_name in ('today', 'this_week', 'month_to_date')
        order by list_position(['today', 'this_week', 'month_to_date'], window_name)""")
    plans = marts.ask("""
        select concat_ws(' ', scope, subject) as plan_or_budget, used_share, used, allowance, unit, forecast, status
        from rpt_budgets where is_current_month order by used_share desc nulls last""")
    _names = {"today": "Today", "this_week": "This week", "month_to_date": "This month"}
    _cards = [
        (
            _names[_name],
            f"{tables.usd(_cost)} USD",
            f"{_requests:,} requests, {tables.count(_credits)} credits",
        )
        for _name, _cost, _requests, _credits in to_date.rows.iter_rows()
    ]
    for _plan, _used, *_, _status in plans.rows.head(1).iter_rows():
        _cards.append(("Nearest to its allowance", tables.share(_used), f"{_plan}: {_status}"))
    _all = tables.table_or(
        plans, "No plan and no budget is known.", "Write `config/budgets.csv` of the home."
    )
    _folded = mo.accordion({"Plan allowances and budgets this month": _all})
    mo.vstack([tables.figures(*_cards), _folded, tables.shown_sql(to_date)])
    return


@app.cell(hide_code=True)
def _(marts):
    dates, chosen = filters.offered(marts, "fct_usage_daily", FILTERS, 7)
    by = filters.choice("by", "Show by", list(DIMENSIONS), "Model")
    period = filters.choice("period", "Period", list(PERIODS), "Last 7 days")
    last_seen = marts.ask("select max(last_seen_at) as at_ from fct_usage_daily").first()["at_"]
    mo.vstack([filters.in_a_row(by, period, dates), filters.in_a_row(*chosen.elements.values())])
    return by, chosen, dates, last_seen, period


@app.cell(hide_code=True)
def _(by, chosen, dates, last_seen, period):
    dimension, _days = filters.named(DIMENSIONS[by.value]), PERIODS[period.value]
    _from = last_seen - timedelta(days=_days or 0)
    _range = dates.value if _days is None else (_from.date(), last_seen.date())
    _exact = f" and occurred_at > timestamp '{_from}'" if _days else ""
    scope = filters.scope(_range, chosen.value, FILTERS) + _exact
    unit = "hour" if _days == 1 else "day"
    return dimension, scope, unit


@app.cell(hide_code=True)
def _(dimension, marts, scope, unit):
    groups = marts.ask(f"""
        select
            {dimension} as name,
            sum(cache_optimized_cost_usd) as cache_optimized_cost_usd,
            sum(reported_cost_usd) as reported_cost_usd, sum(list_cost_usd) as list_cost_usd,
            1 - sum(discounted_cost_usd) / nullif(sum(list_cost_usd), 0) as discount_share,
            1 - sum(cache_optimized_cost_usd) / nullif(sum(list_cost_usd), 0) as total_savings_share,
            sum({CACHED}) / nullif(sum(input_tokens), 0) as cache_hit_rate,
            cast({COUNTED} as bigint) as requests, count(unpriced_reason) as unpriced_requests,
            quantile_disc(duration_ms, 0.5) as duration_p50_ms,
            cast(sum(input_tokens) as bigint) as input_tokens, cast(sum(output_tokens) as bigint) as output_tokens,
            cast(sum({CACHED}) as bigint) as cache_read_tokens,
            cast(sum(cache_write_5m_tokens + cache_write_1h_tokens) as bigint) as cache_write_tokens,
            cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
            quantile_disc(duration_ms, 0.95) as duration_p95_ms,
            cast(sum(credits_used) as bigint) as credits_used
        from fct_usage_costs
        where {scope}
        group by all
        order by cache_optimized_cost_usd desc nulls last, name""")
    series = marts.ask(f"""
        with priced as (
            select date_trunc('{unit}', occurred_at) as began_at, {dimension} as name, cache_optimized_cost_usd as cost_usd
            from fct_usage_costs where {scope}
        ),
        largest as (select name from priced group by name order by sum(cost_usd) desc nulls last, name limit 8)
        select began_at, case when name in (select name from largest) then name else '(others)' end as name, sum(cost_usd) as cost_usd
        from priced
        group by all
        having sum(cost_usd) is not null
        order by began_at, name""")
    return groups, series


@app.cell(hide_code=True)
def _(by, groups, series):
    mo.stop(not groups, tables.no_match())
    _sum = groups.sums()
    _cost, _list, _input = (
        _sum[name] for name in ("cache_optimized_cost_usd", "list_cost_usd", "input_tokens")
    )
    _saved = tables.share(1 - _cost / _list if _list else None)
    _hit = tables.share(_sum["cache_read_tokens"] / _input if _input else None)
    _tokens, _unpriced = tables.count(_input + _sum["output_tokens"]), f"{_sum['unpriced_requests']:,}"
    table = tables.table(groups, selection="single", labels={"name": by.value}, page_size=10)
    _cards = tables.figures(
        ("Cost", f"{tables.usd(_cost)} USD", f"{tables.usd(_list)} at list price"),
        ("Saved", _saved, "by discounts and the prompt cache"),
        ("Requests", tables.count(_sum["requests"]), f"{_unpriced} without a price, not in the cost"),
        ("Tokens", _tokens, f"{_hit} of the input from the cache"),
    )
    _chart = charts.over_time(series.rows, "began_at", "cost_usd", "name", bars=True)
    mo.vstack([_cards, _chart, tables.with_sql(table, groups, series)])
    return (table,)


@app.cell(hide_code=True)
def _(groups, table):
    group = tables.picked(table, groups)
    mo.stop(group is None, tables.nothing("No row is chosen.", "Choose a row above to see its requests."))
    order = filters.choice("order", "Order of requests", list(ORDERS), "Latest")
    order
    return group, order


@app.cell(hide_code=True)
def _(by, group, marts, order, scope):
    requests = marts.ask(f"""
        select
            occurred_at, request_id, model_served, status, cache_optimized_cost_usd, reported_cost_usd, list_cost_usd,
            input_tokens, output_tokens, duration_ms, ttft_ms, credits_used, api_key_name, api_key_id, call_type,
            http_status, error_code, fallback_depth, unpriced_reason, variance_reason
        from fct_usage_costs
        where {scope} and {filters.conditions({DIMENSIONS[by.value]: [group["name"]]})}
        order by {ORDERS[order.value]} desc nulls last, event_id
        limit 100""")
    request_table = tables.table(requests, selection="single", page_size=8)
    _heading = mo.plain_text(f"Requests of {group['name']}, at most 100")
    mo.vstack([_heading, tables.with_sql(request_table, requests)])
    return request_table, requests


@app.cell(hide_code=True)
def _(marts, request_table, requests):
    _request = tables.picked(request_table, requests)
    mo.stop(_request is None, tables.nothing("No request is chosen.", "Choose one to see its bill."))
    mo.plain_text(marts.bill_of(_request["request_id"]))
    return


if __name__ == "__main__":
    app.run()
