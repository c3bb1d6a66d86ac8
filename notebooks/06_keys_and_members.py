# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Key and member audit")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    #: What is listed: column of the id, SQL of its name, and the table that knows it.
    SUBJECTS = {
        "Keys": ("api_key_id", "api_key_name", "dim_api_keys", "group_name"),
        "Members": ("member_id", "member_name", "dim_members", "playground_requests"),
    }
    STATES = {
        "All": "true",
        "New in 7 days": "first_seen_date > date '{0}' - 7",
        "Idle for 7 days or more": "idle_days >= 7",
        "Spending twice as much as the week before": "cost_7_days_usd > 2 * coalesce(cost_week_before_usd, 0)",
        "With failed calls in 7 days": "failed_7_days > 0",
    }


@app.cell(hide_code=True)
def _():
    tables.head(
        "Key and member audit",
        "Which keys and members spend, which are new, idle or suddenly dear, and what did accounts do besides calling?"
        " Choose a row to see its days, its models and its requests.",
        "dim_api_keys", "dim_members", "fct_usage_daily", "fct_usage_costs", "fct_account_events",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    _known = marts.ask(f"""
        select
            max(event_date) as today, list_sort(list(distinct source)) as sources,
            list_sort(list(distinct {filters.named("workspace_id")})) as workspaces
        from fct_usage_daily""").first()
    today = _known["today"]
    mo.stop(
        today is None, tables.nothing("No usage is published.", "Land a gateway's logs, then `tollbook run`.")
    )
    subject = filters.choice("of", "Show", list(SUBJECTS))
    state = filters.choice("state", "Which", list(STATES))
    sources = filters.choices("source", "Source", _known["sources"])
    workspaces = filters.choices("workspace", "Workspace", _known["workspaces"])
    find = filters.text("find", "Name or id", "part of it")
    filters.in_a_row(subject, state, sources, workspaces, find)
    return find, sources, state, subject, today, workspaces


@app.cell(hide_code=True)
def _(find, marts, sources, state, subject, today, workspaces):
    id_, _name, _mart, _more = SUBJECTS[subject.value]
    _kept = [
        filters.conditions({"source": sources.value, "workspace_id": workspaces.value}),
        STATES[state.value].format(today),
        filters.contains(f"concat_ws(' ', {_name}, {id_})", find.value),
    ]
    listed = marts.ask(f"""
        with usage as (
            select
                source, coalesce(workspace_id, 'unattributed') as workspace_id, coalesce({id_}, 'unattributed') as {id_},
                sum(cache_optimized_cost_usd) as cost_usd,
                sum(cache_optimized_cost_usd) filter (event_date > date '{today}' - 7) as cost_7_days_usd,
                sum(cache_optimized_cost_usd)
                    filter (event_date between date '{today}' - 13 and date '{today}' - 7) as cost_week_before_usd,
                cast(sum(requests) filter (event_date > date '{today}' - 7) as bigint) as requests_7_days,
                cast(sum(requests) filter (event_date > date '{today}' - 7 and status in ('failure', 'timeout')) as bigint)
                    as failed_7_days,
                count(distinct model_served) as models
            from fct_usage_daily
            group by all
        ),
        audited as (
            select *, date '{today}' - last_seen_date as idle_days from {_mart} left join usage using (source, workspace_id, {id_})
        )
        select
            {_name}, {id_}, workspace_id, cost_7_days_usd, cost_week_before_usd, requests_7_days, failed_7_days, idle_days,
            models, {_more}, cost_usd as cost_ever_usd, requests as requests_ever, first_seen_date, last_seen_date, source
        from audited
        where {" and ".join(term for term in _kept if term != "true") or "true"}
        order by cost_7_days_usd desc nulls last, cost_ever_usd desc nulls last, {id_}""")
    return id_, listed


@app.cell(hide_code=True)
def _(id_, listed, subject, today):
    mo.stop(not listed, tables.no_match())
    _sum = listed.sums()
    table = tables.table(listed, selection="single", first_selected=True, page_size=10)
    _cards = tables.figures(
        (subject.value, tables.count(listed.rows.height), "of this choice"),
        ("Cost of 7 days", f"{tables.usd(_sum['cost_7_days_usd'])} USD", f"to {today}"),
        ("Week before", f"{tables.usd(_sum['cost_week_before_usd'])} USD", "days 8 to 14 back"),
        (
            "Idle",
            tables.count(listed.rows.filter(listed.rows["idle_days"] >= 7).height),
            "for 7 days or more",
        ),
        (
            "Unattributed",
            tables.count(listed.rows.filter(listed.rows[id_] == "unattributed").height),
            "rows without an id",
        ),
    )
    mo.vstack([_cards, tables.with_sql(table, listed)])
    return (table,)


@app.cell(hide_code=True)
def _(id_, listed, marts, table, today):
    chosen = tables.picked(table, listed)
    mo.stop(chosen is None, tables.nothing("No row is chosen.", "Choose one above to see its days."))
    _id = f"coalesce({id_}, 'unattributed')"
    _of_it = filters.conditions(
        {
            "source": [chosen["source"]],
            "coalesce(workspace_id, 'unattributed')": [chosen["workspace_id"]],
            _id: [chosen[id_]],
        }
    )
    days = marts.ask(f"""
        select event_date, {filters.named("model_served")} as model_served, sum(cache_optimized_cost_usd) as cost_usd
        from fct_usage_daily where {_of_it} group by all order by event_date""")
    models = marts.ask(f"""
        select
            {filters.named("model_served")} as model_served, sum(cache_optimized_cost_usd) as cost_usd,
            cast(sum(requests) as bigint) as requests, cast(sum(input_tokens) as bigint) as input_tokens,
            cast(sum(output_tokens) as bigint) as output_tokens, list_sort(list(distinct call_type)) as call_types,
            max(event_date) as last_used
        from fct_usage_daily where {_of_it} group by all order by sum(cache_optimized_cost_usd) desc""")
    requests = marts.ask(f"""
        select
            occurred_at, request_id, model_served, status, cache_optimized_cost_usd, input_tokens, output_tokens, origin,
            duration_ms, request_path, api_key_id, member_id
        from fct_usage_costs where event_date > date '{today}' - 30 and {_of_it}
        order by occurred_at desc, event_id limit 100""")
    return chosen, days, models, requests


@app.cell(hide_code=True)
def _(chosen, days, id_, marts, models, requests):
    events = marts.ask("""
        select occurred_at, event_type, member_id, member_name, description, quota, has_charge, source, raw_file, raw_line
        from fct_account_events order by occurred_at desc limit 500""")
    mo.vstack([
        mo.plain_text(f"{chosen[id_]} of {chosen['workspace_id']} at {chosen['source']}"),
        charts.over_time(days.rows, "event_date", "cost_usd", "model_served", bars=True),
        mo.ui.tabs({
            "Models": tables.table_or(models, "It has used no model.", ""),
            "Latest requests": tables.table_or(requests, "It made no request in 30 days.", "Its earlier ones are in the usage explorer."),
            "Account events, of everybody": tables.table_or(
                events, "No account event was delivered.", "New-API logs of the types top-up, manage, system and login have them."
            ),
        }),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
