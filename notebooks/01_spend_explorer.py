import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Where does the money go?")

with app.setup:
    from types import SimpleNamespace

    import altair as alt
    import duckdb
    import marimo as mo
    import polars as pl

    from ingestion.home import Home

    TIERS = ["list_cost_usd", "discounted_cost_usd", "cache_optimized_cost_usd"]
    SUMS = [f"sum({count})::bigint as {count}" for count in ("requests", "unpriced_requests")]
    SUMS += [f"sum({tier}) as {tier}" for tier in TIERS]
    NAMED = """select *, coalesce(model_served, '(none)') as model, coalesce(api_key_id, '(none)') as key,
        coalesce(member_id, '(none)') as member from"""
    # Nothing chosen in a filter means everything.
    CHOSEN = """event_date between $first_day and $last_day
        and (len($models) = 0 or list_contains($models, model))
        and (len($keys) = 0 or list_contains($keys, key))
        and (len($members) = 0 or list_contains($members, member))"""


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Where does the money go?

    Spend per day, and per key and model, at the three tiers: at list price, after discounts, and after what caching
    saved. Choose a row to see its requests. Usage without a price is counted beside the sums, never in them.

    Reads `fct_usage_daily` and, for single requests, `fct_usage_costs`, from the published marts.
    """)
    return


@app.cell
def _():
    con = open_published_marts()
    return (con,)


@app.cell(hide_code=True)
def _(con):
    mo.stop(
        not has_usage(con),
        mo.callout(
            mo.md("Nothing is published here: run `make run`, or `tollbook run` on your own home."), "warn"
        ),
    )
    _names = ", ".join(f"list_sort(list(distinct {name}))" for name in ("model", "key", "member"))
    _query = f"select min(event_date), max(event_date), {_names} from ({NAMED} fct_usage_daily)"
    [(first, last, *_options)] = con.sql(_query).fetchall()
    dates = mo.ui.date_range(start=first, stop=last, value=(first, last), label="Days")
    models, keys, members = (
        mo.ui.multiselect(options, label=label)
        for options, label in zip(_options, ("Models", "Keys", "Members"), strict=True)
    )
    mo.hstack([dates, models, keys, members], justify="start", wrap=True)
    return dates, keys, members, models


@app.cell
def _(con, dates, keys, members, models):
    chosen = dict(zip(("first_day", "last_day"), dates.value, strict=True))
    chosen |= {"models": models.value, "keys": keys.value, "members": members.value}
    totals = spend(con, chosen)
    by_day = spend(con, chosen, "event_date")
    by_key_and_model = spend(con, chosen, "key", "model").sort(TIERS[-1], descending=True)
    return by_day, by_key_and_model, chosen, totals


@app.cell(hide_code=True)
def _(by_day, totals):
    _requests, _unpriced, *_sums = (value or 0 for value in totals.row(0))
    _stats = [mo.stat(f"{usd:,.2f}", label=tier) for tier, usd in zip(TIERS, _sums, strict=True)]
    _stats += [
        mo.stat(f"{_requests:,}", label="requests"),
        mo.stat(f"{_unpriced:,}", label="without a price"),
    ]
    mo.vstack([mo.hstack(_stats), tiers_over_time(by_day)])
    return


@app.cell(hide_code=True)
def _(by_key_and_model):
    table = mo.ui.table(by_key_and_model, selection="single", page_size=15, label="By key and model")
    table
    return (table,)


@app.cell(hide_code=True)
def _(chosen, con, table):
    mo.stop(table.value.is_empty(), mo.md("Choose a row above to see its requests."))
    _key, _model = table.value.row(0)[:2]
    _requests = requests_of(con, chosen, _key, _model)
    # Names come from logs and may hold markup; the label of a table would be read as Markdown.
    _heading = mo.plain_text(f"The most expensive requests of {_key} on {_model}")
    mo.vstack([_heading, mo.ui.table(_requests, selection=None)])
    return


@app.function
def open_published_marts() -> duckdb.DuckDBPyConnection:
    """Attach the published marts read-only and make them the current schema; without them it stays empty.

    It also stays empty after the home was moved, until a run has published the marts again.
    """
    home, con = Home.locate(), duckdb.connect()
    if home.published_database.exists():
        path = str(home.published_database).replace("'", "''")
        con.execute(f"attach '{path}' as published (read_only)")
        [(place,)] = con.sql("select home from published.meta.publication").fetchall()
        con.execute("use published.marts" if home.is_at(place) else "detach published")
    return con


@app.function
def has_usage(con) -> bool:
    """Return whether a day of usage is published."""
    tables = "select schema_name, table_name from duckdb_tables() where estimated_size > 0"
    return ("marts", "fct_usage_daily") in con.sql(tables).fetchall()


@app.function
def spend(con, chosen: dict, *group_by: str) -> pl.DataFrame:
    """Sum requests and the three tiers over what is chosen, per group; money stays DECIMAL."""
    columns = ", ".join([*group_by, *SUMS])
    groups = f"group by {', '.join(group_by)} order by {', '.join(group_by)}" if group_by else ""
    query = f"select {columns} from ({NAMED} fct_usage_daily) where {CHOSEN} {groups}"
    return frame(con.sql(query, params=chosen))


@app.function
def requests_of(con, chosen: dict, key: str, model: str, limit: int = 200) -> pl.DataFrame:
    """Return the most expensive requests of one key on one model, those without a price first."""
    columns = f"occurred_at, request_id, status, input_tokens, output_tokens, {', '.join(TIERS)}, raw_file, raw_line"
    query = f"""select {columns} from ({NAMED} fct_usage_costs)
        where {CHOSEN} and key = $key and model = $model
        order by cache_optimized_cost_usd desc nulls first, occurred_at limit {limit}"""
    return frame(con.sql(query, params={**chosen, "key": key, "model": model}))


@app.function
def frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Read a query's result through a stand-in: Polars keeps the type of its input, which DuckDB reports as a leak at exit."""
    return pl.DataFrame(SimpleNamespace(__arrow_c_stream__=relation.__arrow_c_stream__))


@app.function
def tiers_over_time(by_day: pl.DataFrame) -> alt.Chart:
    """Draw the three tiers per day; only here does money become a float."""
    tiers = by_day.select("event_date", *(pl.col(tier).cast(pl.Float64) for tier in TIERS))
    long = tiers.unpivot(index="event_date", variable_name="tier", value_name="usd")
    axes = {"x": alt.X("event_date:T", title=None), "y": alt.Y("usd:Q", title="USD per day")}
    lines = alt.Chart(long, height=260, width="container").mark_line(point=True)
    return lines.encode(**axes, color=alt.Color("tier:N", sort=TIERS, title=None))


if __name__ == "__main__":
    app.run()
