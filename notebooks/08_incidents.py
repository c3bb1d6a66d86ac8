# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Incidents")

with app.setup:
    import marimo as mo
    import polars as pl

    from dagster_project.notebooks import charts, filters, tables
    from dagster_project.notebooks.marts import open_marts

    SEVERITIES = ("high", "medium", "low")


@app.cell(hide_code=True)
def _():
    tables.head(
        "Incidents",
        "What is out of the ordinary, what does it cost, and what explains it? Choose an incident to see its days, what"
        " moved, and the rows behind it.",
        "fct_anomalies", "fct_anomaly_days", "fct_anomaly_contributors",
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
            list_sort(list(distinct detector)) as detectors, list_sort(list(distinct subject_type)) as subjects,
            list_sort(list(distinct source)) as sources, min(first_date) as first, max(last_date) as last
        from fct_anomalies""").first()
    mo.stop(
        not _options["detectors"],
        tables.nothing(
            "No incident is known.",
            "Most detectors compare with two weeks of history; what each can see is in `docs/anomalies.md`.",
        ),
    )
    status = filters.choice("status", "Status", ["open", "all", "acknowledged", "resolved"])
    severity = filters.choices("severity", "Severity", SEVERITIES)
    detectors = filters.choices("detector", "Detector", _options["detectors"])
    subjects = filters.choices("of", "Subject", _options["subjects"])
    sources = filters.choices("source", "Source", _options["sources"])
    dates = filters.days(_options["first"], _options["last"], 3650)
    mo.hstack([status, severity, detectors, subjects, sources, dates], justify="start", wrap=True)
    return dates, detectors, severity, sources, status, subjects


@app.cell(hide_code=True)
def _(dates, detectors, marts, severity, sources, status, subjects):
    _chosen = {
        "severity": severity.value,
        "detector": detectors.value,
        "subject_type": subjects.value,
        "source": sources.value,
    }
    if status.value != "all":
        _chosen["status"] = [status.value]
    _first, _last = dates.value
    incidents = marts.ask(f"""
        select
            severity, detector, concat_ws(' ', subject_type, subject_id) as subject, excess_usd, contributors as what_was_seen,
            first_date, last_date, status, is_new, expected_usd, seen_usd, source, workspace_id, flagged_day_count,
            detectors, evidence_sql, anomaly_id
        from fct_anomalies
        where {filters.conditions(_chosen)} and first_date <= date '{_last}' and last_date >= date '{_first}'
        order by list_position(['high', 'medium', 'low'], severity), excess_usd desc nulls last, first_date desc, anomaly_id""")
    return (incidents,)


@app.cell(hide_code=True)
def _(incidents):
    mo.stop(not incidents, tables.nothing("No incident matches.", "Choose the status “all”, or [reset](?)."))
    _by = dict(incidents.rows.group_by("severity").len().iter_rows())
    _excess = incidents.rows["excess_usd"].sum()
    table = tables.table(
        incidents, selection="single", first_selected=True, hidden=["evidence_sql", "detectors"],
        labels={"excess_usd": "Excess (USD)", "detector": "Detector", "subject": "What"},
    )  # fmt: skip
    mo.vstack([
        tables.figures(
            ("Incidents", tables.count(incidents.rows.height), "of this choice"),
            *((name.capitalize(), tables.count(_by.get(name, 0)), "severity") for name in SEVERITIES),
            ("Excess", f"{tables.usd(_excess)} USD", "seen beyond what was expected; days can be counted by several"),
            ("New", tables.count(incidents.rows["is_new"].sum()), "since the last delivery"),
        ),
        tables.with_sql(table, incidents),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(incidents, marts, table):
    incident = tables.picked(table, incidents)
    mo.stop(
        incident is None,
        tables.nothing("No incident is chosen.", "Choose one above to see its days and its rows."),
    )
    _of_incident = filters.conditions({"anomaly_id": [incident["anomaly_id"]]})
    found = marts.ask(f"""
        select event_date, detector, finding, seen_usd, expected_usd, excess_usd, score
        from fct_anomaly_days where {_of_incident} order by event_date, detector""")
    moved = marts.ask(f"""
        select contributor, contributor_type, moved_usd, contribution
        from fct_anomaly_contributors where {_of_incident} order by contributor_rank""")
    # Written by the mart itself, with every value of a log as a literal.
    evidence = marts.ask(f"select * from ({incident['evidence_sql']}) limit 200")
    return evidence, found, incident, moved


@app.cell(hide_code=True)
def _(evidence, found, incident, moved):
    _days = (
        found.rows.group_by("event_date")
        .agg(pl.col("seen_usd").max(), pl.col("expected_usd").max())
        .sort("event_date")
    )
    _amounts = _days.unpivot(index="event_date", variable_name="amount", value_name="usd").drop_nulls()
    _chart = charts.over_time(_amounts, "event_date", "usd", "amount") if _amounts.height > 1 else mo.md("")
    mo.vstack([
        mo.plain_text(f"{incident['detector']}: {incident['subject']}, {incident['first_date']} to {incident['last_date']}"),
        _chart,
        mo.ui.tabs({
            "Days": tables.table(found),
            "What moved": tables.table(moved) if moved else tables.nothing("No model or key explains it.", "See the rows."),
            "Rows behind it, at most 200": tables.table(evidence) if evidence else tables.nothing(
                "No row is there any more.", "A silent source has none; ask why it was not delivered."),
        }),
        tables.shown_sql(found, moved, evidence),
        mo.md("Once it is explained: `tollbook alerts acknowledge <anomaly id> --until <day> --reason …`"),
    ])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
