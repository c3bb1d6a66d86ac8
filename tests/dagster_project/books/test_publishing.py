"""Publishing: one rename, nothing when nothing changed, readers left alone, no foreign files removed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pytest
from reader_process import read_until_stopped

from dagster_project.books.published import PublishedElsewhere, published
from dagster_project.books.publishing import MartMissing, publish
from dagster_project.dbt_runner.project import Mart
from ingestion.home import Home

COSTS = Mart("fct_usage_costs", "One priced request.", {"cost": "What it cost, in USD."})
DAILY = Mart("fct_usage_daily", "One day.", {"requests": "How many requests."})
MARTS = [COSTS, DAILY]


@contextmanager
def warehouse(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home.build_database)) as connection:
        connection.sql("create schema if not exists meta")
        connection.sql("create schema if not exists marts")
        connection.sql(
            """
            create table if not exists meta.day_builds (
                model varchar, event_date date, fingerprint varchar, file varchar,
                row_count bigint, invocation_id varchar
            )
            """
        )
        connection.sql(
            """
            create table if not exists meta.published_days (
                model varchar, event_date date, fingerprint varchar
            )
            """
        )
        yield connection


def build(home: Home, days: dict[str, int]) -> None:
    """A warehouse as dbt leaves it: for each day a lake file of so many requests of $1, and a rollup."""
    with warehouse(home) as connection:
        connection.sql("delete from meta.day_builds")
        connection.sql("create or replace table marts.fct_usage_daily (event_date date, requests bigint)")
        files = []
        for day, requests in days.items():
            file = home.lake / "fct_usage_costs" / f"event_date={day}" / f"{requests}_0.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                connection.sql(
                    f"copy (select 1::decimal(18, 12) as cost from range({requests}))"
                    f" to '{file}' (format parquet)"
                )
            files.append(str(file))
            connection.execute(
                "insert into meta.day_builds values ('fct_usage_costs', $1, $2, $3, $4, 'x')",
                [day, str(requests), file.relative_to(home.lake).as_posix(), requests],
            )
            connection.execute("insert into marts.fct_usage_daily values ($1, $2)", [day, requests])
        connection.sql(
            f"create or replace view marts.fct_usage_costs as select * from read_parquet({files},"
            " hive_partitioning = true, hive_types = {event_date: date})"
        )


def test_what_is_published_is_what_was_built(home: Home) -> None:
    """Two days of 2 and 3 requests at $1: 5 requests, $5."""
    build(home, {"2026-11-01": 2, "2026-11-02": 3})
    publication = publish(home, MARTS)
    assert publication.replaced
    assert publication.rows == {"fct_usage_costs": 5, "fct_usage_daily": 2}
    with published(home) as marts:
        assert marts.sql("select sum(requests)::int from fct_usage_daily").fetchall() == [(5,)]
        assert marts.sql(
            "select event_date::varchar, sum(cost)::varchar from fct_usage_costs group by 1 order by 1"
        ).fetchall() == [("2026-11-01", "2.000000000000"), ("2026-11-02", "3.000000000000")]


def test_columns_keep_their_descriptions(home: Home) -> None:
    build(home, {"2026-11-01": 1})
    publish(home, MARTS)
    with published(home) as marts:
        comments = marts.sql(
            """
            select table_name, column_name, comment
            from duckdb_columns()
            where schema_name = 'marts' and comment is not null
            """
        ).fetchall()
    assert sorted(comments) == [
        ("fct_usage_costs", "cost", "What it cost, in USD."),
        ("fct_usage_daily", "requests", "How many requests."),
    ]


def test_publishing_the_same_content_again_leaves_the_file_untouched(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    first = publish(home, MARTS)
    before = home.published_database.stat()
    build(home, {"2026-11-01": 2})
    second = publish(home, MARTS)
    after = home.published_database.stat()
    assert (first.publication_id, second.replaced) == (second.publication_id, False)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("days", [{"2026-11-01": 3}, {"2026-11-01": 2, "2026-11-02": 1}, {"2026-11-02": 2}])
def test_any_other_content_is_another_publication(home: Home, days: dict[str, int]) -> None:
    build(home, {"2026-11-01": 2})
    first = publish(home, MARTS)
    build(home, days)
    second = publish(home, MARTS)
    assert second.replaced
    assert first.publication_id != second.publication_id


def test_a_changed_description_is_published_too(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    assert publish(home, [COSTS, Mart("fct_usage_daily", "Another word.")]).replaced


def test_a_home_that_was_moved_is_read_only_after_it_was_published_again(home: Home) -> None:
    """The view over the lake holds absolute paths."""
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    moved = Home(home.root.rename(home.root.with_name("moved")))
    with (
        pytest.raises(PublishedElsewhere, match=f"was published at {home.root} .*; `tollbook run`"),
        published(moved),
    ):
        pass
    build(moved, {"2026-11-01": 2})
    assert publish(moved, MARTS).replaced
    with published(moved) as marts:
        assert marts.sql("select count(*) from fct_usage_costs").fetchall() == [(2,)]


def test_a_home_by_another_name_is_the_same_home(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    home.root.with_name("link").symlink_to(home.root)
    linked = Home(home.root.with_name("link"))
    assert not publish(linked, MARTS).replaced
    with published(linked) as marts:
        assert marts.sql("select count(*) from fct_usage_costs").fetchall() == [(2,)]


def test_an_unreadable_publication_is_replaced(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    home.published_database.write_bytes(b"not a database")
    assert publish(home, MARTS).replaced


def test_a_mart_that_was_not_built_stops_the_publication(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    with pytest.raises(MartMissing, match=r"marts\.dim_models"):
        publish(home, [*MARTS, Mart("dim_models")])
    assert not home.published_database.exists()


def test_a_publication_that_died_half_written_is_cleared_away(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    abandoned = home.root / "tollbook.duckdb.tmp-1"
    abandoned.write_bytes(b"half")
    publish(home, MARTS)
    assert [path.name for path in home.root.glob("tollbook.duckdb*")] == ["tollbook.duckdb"]


def test_lake_files_of_the_last_publication_stay_for_its_readers_and_nobodys_files_go(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    nobodys = home.lake / "fct_usage_costs" / "event_date=2026-11-09" / "died_0.parquet"
    nobodys.parent.mkdir()
    nobodys.touch()
    build(home, {"2026-11-01": 3})
    assert publish(home, MARTS).removed_files == 1
    assert lake_files(home) == ["2_0.parquet", "3_0.parquet"]
    assert not nobodys.parent.exists()


def test_lake_files_go_when_the_publication_they_belong_to_was_superseded_a_week_ago(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    build(home, {"2026-11-01": 3})
    publish(home, MARTS)
    with duckdb.connect(str(home.published_database)) as marts:
        marts.sql("update meta.kept_files set superseded_at = superseded_at - interval 8 day")
    build(home, {"2026-11-01": 4})
    publish(home, MARTS)
    assert lake_files(home) == ["3_0.parquet", "4_0.parquet"]


def test_dbt_learns_which_days_a_publication_holds(home: Home) -> None:
    build(home, {"2026-11-01": 2})
    publish(home, MARTS)
    with warehouse(home) as connection:
        assert connection.sql(
            "select model, event_date::varchar, fingerprint from meta.published_days"
        ).fetchall() == [("fct_usage_costs", "2026-11-01", "2")]


@pytest.mark.parametrize("holds", [True, False], ids=["holding it open", "opening it anew"])
def test_a_reader_in_another_process_never_sees_an_error_or_half_a_publication(
    home: Home, holds: bool
) -> None:
    """Rollup and requests are of the same moment: the rollup counts the requests, every time."""
    build(home, {"2026-11-01": 1})
    publish(home, MARTS)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    reader = context.Process(
        target=read_until_stopped, args=(home.published_database, holds, theirs), daemon=True
    )
    reader.start()
    theirs.close()
    assert ours.recv() == "reading"
    for requests in range(2, 8):
        build(home, {"2026-11-01": requests})
        publish(home, MARTS)
    ours.send("stop")
    assert ours.recv() == (1 if holds else 7)
    reader.join()


def lake_files(home: Home) -> list[str]:
    return sorted(path.name for path in home.lake.rglob("*.parquet"))
