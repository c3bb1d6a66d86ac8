# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Traffic")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    FILTERS = {"Source": "source", "Workspace": "workspace_id", "Model": "model_served"}
    MEASURES = {
        "Requests": "requests",
        "Tokens": "total_tokens",
        "Peak requests per minute": "peak_rpm",
        "Peak tokens per minute": "peak_tpm",
        "Errors and timeouts": "failed_requests",
        "Fallbacks": "fallback_requests",
    }
    # Share of the rows that meet a condition.
    SHARE = "count(*) filter ({0}) / nullif(count(*), 0)"


@app.cell(hide_code=True)
def _():
    tables.head(
        "Traffic",
        "How much traffic is there, how fast is it answered, and what fails? Choose a model to see its failed and its slowest"
        " requests.",
        "fct_traffic_minutely", "fct_usage_costs", "rpt_fallbacks_daily",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    dates, chosen = filters.offered(marts, "fct_usage_daily", FILTERS, 7)
    measure = filters.choice("measure", "Chart", list(MEASURES))
    filters.in_a_row(measure, dates, *chosen.elements.values())
    return chosen, dates, measure


@app.cell(hide_code=True)
def _(chosen, dates, marts):
    scope = filters.scope(dates.value, chosen.value, FILTERS)
    hours = marts.ask(f"""
        with minutes as (
            select
                minute_at, sum(requests) as requests, sum(total_tokens) as total_tokens,
                sum(failed_requests + timed_out_requests) as failed_requests, sum(fallback_requests) as fallback_requests
            from fct_traffic_minutely
            where {scope}
            group by minute_at
        )
        select
            date_trunc('hour', minute_at) as hour_at,
            cast(sum(requests) as bigint) as requests, cast(sum(total_tokens) as bigint) as total_tokens,
            cast(max(requests) as bigint) as peak_rpm, cast(max(total_tokens) as bigint) as peak_tpm,
            arg_max(minute_at, requests) as peak_rpm_at, arg_max(minute_at, total_tokens) as peak_tpm_at,
            cast(sum(failed_requests) as bigint) as failed_requests,
            cast(sum(fallback_requests) as bigint) as fallback_requests
        from minutes
        group by hour_at
        order by hour_at""")
    _columns = f"""
            count(*) as requests,
            {SHARE.format("where status = 'failure'")} as error_rate,
            {SHARE.format("where status = 'timeout'")} as timeout_rate,
            quantile_disc(duration_ms, 0.5) as duration_p50_ms,
            quantile_disc(duration_ms, 0.95) as duration_p95_ms,
            quantile_disc(ttft_ms, 0.5) as ttft_p50_ms,
            quantile_disc(ttft_ms, 0.95) as ttft_p95_ms,
            {SHARE.format("where is_stream")} as streamed_share,
            {SHARE.format("where fallback_depth > 0 or model_requested != model_served")} as fallback_rate,
            quantile_disc(gateway_overhead_ms, 0.5) as gateway_overhead_p50_ms
        from fct_usage_costs
        where {scope} and event_type = 'llm_call' and adjusts_event_id is null"""
    total = marts.ask(f"select {_columns}")
    models = marts.ask(
        f"select {filters.named('model_served')} as model_served, {_columns} group by all order by requests desc"
    )
    return hours, models, scope, total


@app.cell(hide_code=True)
def _(dates, hours, measure, models, total):
    mo.stop(not hours, tables.no_match())
    _all, _rows = total.first(), hours.rows
    _minutes = ((dates.value[1] - dates.value[0]).days + 1) * 24 * 60
    _rpm = _rows.row(_rows["peak_rpm"].arg_max(), named=True)
    _tpm = _rows.row(_rows["peak_tpm"].arg_max(), named=True)
    table = tables.table(models, selection="single", page_size=10)
    mo.vstack([
        tables.figures(
            ("Requests per minute, peak", tables.count(_rpm["peak_rpm"]),
             f"{_rpm['peak_rpm_at']:%Y-%m-%d %H:%M}; mean {_rows['requests'].sum() / _minutes:,.2f}"),
            ("Tokens per minute, peak", tables.count(_tpm["peak_tpm"]),
             f"{_tpm['peak_tpm_at']:%Y-%m-%d %H:%M}; mean {_rows['total_tokens'].sum() / _minutes:,.0f}"),
            ("Duration, median", tables.milliseconds(_all["duration_p50_ms"]),
             f"95 % within {tables.milliseconds(_all['duration_p95_ms'])}"),
            ("First token, median", tables.milliseconds(_all["ttft_p50_ms"]),
             f"95 % within {tables.milliseconds(_all['ttft_p95_ms'])}"),
            ("Errors", tables.share(_all["error_rate"]), f"{tables.share(_all['timeout_rate'])} timeouts"),
            ("Fallbacks", tables.share(_all["fallback_rate"]), f"{tables.share(_all['streamed_share'])} streamed"),
        ),
        charts.over_time(_rows, "hour_at", MEASURES[measure.value], bars=True),
        tables.with_sql(table, hours, models),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(marts, scope):
    errors = marts.ask(f"""
        select
            {filters.named("error_code")} as error_code, http_status, status, count(*) as requests,
            count(distinct model_served) as models, count(distinct api_key_id) as api_keys,
            sum(reported_cost_usd) as reported_cost_usd, max(occurred_at) as last_seen_at
        from fct_usage_costs
        where {scope} and status not in ('success', 'unknown')
        group by all
        order by requests desc, error_code""")
    fallbacks = marts.ask(f"""
        select
            model_requested, model_served, cast(sum(requests) as bigint) as requests, max(deepest_fallback) as deepest_fallback,
            cast(sum(successful_requests) as bigint) as successful_requests,
            sum(cache_optimized_cost_usd) as cache_optimized_cost_usd
        from rpt_fallbacks_daily
        where {scope}
        group by all
        order by requests desc""")
    mo.ui.tabs({
        "Errors": tables.with_sql(tables.table(errors), errors) if errors else tables.nothing("No call failed.", ""),
        "Fallbacks, requested and served": tables.with_sql(tables.table(fallbacks), fallbacks) if fallbacks else tables.nothing(
            "No other model than the requested one served a call.", "Infery's request log and headers say when one does."
        ),
    })  # fmt: skip
    return


@app.cell(hide_code=True)
def _(marts, models, scope, table):
    _model = tables.picked(table, models)
    mo.stop(
        _model is None,
        tables.nothing("No model is chosen.", "Choose one in the table of models to see its requests."),
    )
    requests = marts.ask(f"""
        select
            occurred_at, request_id, status, http_status, error_code, duration_ms, ttft_ms, input_tokens, output_tokens,
            is_stream, fallback_depth, model_requested, api_key_id, workspace_id, cache_optimized_cost_usd
        from fct_usage_costs
        where {scope} and {filters.conditions({"model_served": [_model["model_served"]]})}
        order by status in ('failure', 'timeout') desc, duration_ms desc nulls last, event_id
        limit 100""")
    mo.vstack([
        mo.plain_text(f"Requests of {_model['model_served']}: failed ones, then the slowest, at most 100"),
        tables.with_sql(tables.table(requests), requests),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
