# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Data quality and sources")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    #: Lines that a file may have, and what became of them; events are those counted in the facts.
    BECAME = ("events", "duplicates", "revisions", "rejects", "blank_lines")


@app.cell(hide_code=True)
def _():
    tables.head(
        "Data quality and sources",
        "Can today's numbers be trusted: is every source here, complete, read without loss, and priced? Choose a source to"
        " see its deliveries and what is wrong with them.",
        "rpt_source_status", "rpt_source_days", "fct_day_completeness", "dq_results", "rpt_unpriced_usage",
        "rpt_unknown_fields", "recon_copies",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    _known = marts.ask("""
        select min(delivered_on) as first, max(delivered_on) as last, list_sort(list(distinct stream)) as streams
        from rpt_source_days""").first()
    mo.stop(
        _known["first"] is None, tables.nothing("Nothing was delivered.", "Land files, then `tollbook run`.")
    )
    dates = filters.days(_known["first"], _known["last"], 31)
    streams = filters.choices("stream", "Stream", _known["streams"])
    filters.in_a_row(dates, streams)
    return dates, streams


@app.cell(hide_code=True)
def _(dates, marts, streams):
    _days = filters.between("delivered_on", dates.value)
    _streams = filters.conditions({"stream": streams.value})
    sources = marts.ask(f"""
        with delivered as (
            select
                source, sum(files) as files, sum(lines) as lines, sum(rejects) as rejects, sum(duplicates) as duplicates,
                sum(revisions) as revisions, sum(late_rows) as late_rows
            from rpt_source_days where {_days} and {_streams}
            group by source
        ),
        incomplete as (
            select source, count(*) as incomplete_days
            from fct_day_completeness
            where not is_complete and incomplete_reason != 'awaited' and {filters.between("event_date", dates.value)}
            group by source
        )
        select
            source,
            case
                when is_held_back then 'held back' when is_silent then 'silent'
                when rejects > 0 or incomplete_days > 0 then 'look at it' else 'good'
            end as state,
            held_back_detail, as_of_date, coalesce(incomplete_days, 0) as incomplete_days, cast(rejects as bigint) as rejects,
            cast(lines as bigint) as lines, cast(duplicates as bigint) as duplicates,
            cast(revisions as bigint) as revisions, cast(late_rows as bigint) as late_rows, cast(files as bigint) as files,
            held_back_reason, silent_since, expected_by, connector
        from rpt_source_status
        left join delivered using (source)
        left join incomplete using (source)
        order by list_position(['held back', 'silent', 'look at it', 'good'], state), source""")
    return (sources,)


@app.cell(hide_code=True)
def _(marts, sources):
    _states = dict(sources.rows.group_by("state").len().iter_rows())
    _failed = marts.ask("select count(*) as failed from dq_results where not passed").first()["failed"]
    _unpriced = marts.ask("select sum(requests) as requests from rpt_unpriced_usage").first()["requests"] or 0
    table = tables.table(sources, selection="single", first_selected=True)
    mo.vstack([
        tables.figures(
            ("Sources", tables.count(sources.rows.height), f"{_states.get('good', 0)} good"),
            ("Held back", tables.count(_states.get("held back", 0)), "they keep their last accepted rows"),
            ("Silent", tables.count(_states.get("silent", 0)), "nothing came when something should have"),
            ("Rejected lines", tables.count(sources.sums()["rejects"]), f"of {tables.count(sources.sums()['lines'])} in these days"),
            ("Failed checks", tables.count(int(_failed)), "of all days"),
            ("Without a price", tables.count(int(_unpriced)), "requests of all days"),
        ),
        tables.with_sql(table, sources),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(dates, marts, sources, streams, table):
    _source = tables.picked(table, sources)
    mo.stop(
        _source is None, tables.nothing("No source is chosen.", "Choose one above to see its deliveries.")
    )
    source = _source["source"]
    _of_source = filters.conditions({"source": [source], "stream": streams.value})
    deliveries = marts.ask(f"""
        select
            delivered_on, stream, lines, events, duplicates, revisions, rejects, blank_lines, late_rows, files, is_complete,
            incomplete_reason, unknown_fields
        from rpt_source_days where {_of_source} and {filters.between("delivered_on", dates.value)}
        order by delivered_on desc, stream""")
    incomplete = marts.ask(f"""
        select event_date, incomplete_reason, requests, usual_requests, files, usual_files, missing_hours, due_on
        from fct_day_completeness
        where not is_complete and {filters.conditions({"source": [source]})} and {filters.between("event_date", dates.value)}
        order by event_date desc""")
    checks = marts.ask(f"""
        select day, expectation, expected, observed, is_blocking, suite, stream, failing_rows
        from dq_results where not passed and {_of_source}
        order by day desc, expectation""")
    return checks, deliveries, incomplete, source


@app.cell(hide_code=True)
def _(checks, deliveries, incomplete, marts, source):
    _of_source = filters.conditions({"source": [source]})
    unpriced = marts.ask(f"""
        select
            coalesce(model_served, model_requested) as model_served, unpriced_reason, cast(sum(requests) as bigint) as requests,
            min(event_date) as since, max(event_date) as last_date, cast(sum(total_tokens) as bigint) as total_tokens,
            sum(reported_cost_usd) as reported_cost_usd, min(example_request_id) as example_request_id
        from rpt_unpriced_usage where {_of_source} group by all order by sum(requests) desc""")
    fields = marts.ask(f"""
        select
            field_name, variance_reason, cast(sum(requests) as bigint) as requests, sum(cost_variance_usd) as cost_variance_usd,
            bool_or(is_unexplained) as is_unexplained, min(example_request_id) as example_request_id
        from rpt_unknown_fields where {_of_source} group by all order by sum(requests) desc""")
    copies = marts.ask(f"""
        select event_date, request_id, field, counted_value, other_value, copy_kind, kept_raw_file, kept_raw_line, other_raw_file,
            other_raw_line
        from recon_copies where {_of_source} order by event_date desc, request_id""")
    _became = deliveries.rows.unpivot(
        BECAME, index="delivered_on", variable_name="what", value_name="of_lines"
    )
    _became = _became.group_by("delivered_on", "what", maintain_order=True).sum()
    mo.vstack([
        mo.plain_text(f"What became of the lines of {source}, by day of delivery"),
        charts.over_time(_became, "delivered_on", "of_lines", "what", bars=True) if deliveries else mo.md(""),
        mo.ui.tabs({
            "Deliveries": tables.table_or(deliveries, "Nothing of it was accepted in these days.", "See the failed checks."),
            "Incomplete days": tables.table_or(incomplete, "Every day is complete.", ""),
            "Failed checks": tables.table_or(checks, "Every check passed.", ""),
            "Without a price": tables.table_or(unpriced, "Everything has a price.", ""),
            "Unknown fields": tables.table_or(fields, "Every field is known.", ""),
            "Copies that differ": tables.table_or(copies, "No copies contradict each other.", ""),
        }),
        mo.md("Rejected lines are in `rejects/` of the home, with file, line and reason; `tollbook doctor` says what to do."),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
