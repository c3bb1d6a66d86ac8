"""A home that version 0.2 wrote opens and goes on: closings, restatements and status history stay what they were.

tests/fixtures/home_0_2.tar.zst is a home of the last commit of version 0.2 with its build.duckdb: Infron's calls of 27
August to 3 September 2026, Infery's invoices and Stripe of a sandbox world; August closed, 1 September restated.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import duckdb
import pytest
import zstandard
from night_process import night

from dagster_project.books.closing import closings
from dagster_project.books.published import published
from dagster_project.books.restating import records
from dagster_project.books.upgrade import OLD_PUBLISHED, upgrade
from ingestion.home import Home

ARCHIVE = Path(__file__).resolve().parents[2] / "fixtures" / "home_0_2.tar.zst"


def unpacked(folder: Path) -> Home:
    with (
        ARCHIVE.open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        archive.extractall(folder, filter="data")
    return Home(folder / "home_0_2")


class Upgraded:
    """The home before and after the first nights of this version."""

    def __init__(self, folder: Path) -> None:
        self.home = unpacked(folder)
        self.closings = closings(self.home)
        self.records = records(self.home)
        self.closed = self.rows_of_closed_files()
        self.statuses = self.status_history()
        self.first, self.second = night(self.home), night(self.home)

    def rows_of_closed_files(self) -> list[tuple]:
        """Every request of the closed month as its files hold it, without adjustments."""
        [closing] = self.closings
        files = [str(self.home.lake / day["file"]) for day in closing.days if day["file"]]
        query = "select event_id, cache_optimized_cost_usd from read_parquet($files, union_by_name=true) order by all"
        with duckdb.connect() as connection:
            return connection.sql(query, params={"files": files}).fetchall()

    def status_history(self) -> set[str]:
        """Every line of lake/recon_statuses/: the status of an item on a day."""
        folder = self.home.lake / "recon_statuses"
        return {line for path in folder.glob("*.ndjson") for line in path.read_text().splitlines()}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    return Upgraded(tmp_path_factory.mktemp("upgraded"))


def test_it_opens_goes_on_and_then_rebuilds_nothing(upgraded: Upgraded) -> None:
    assert upgraded.first.code in (0, 3), upgraded.first.output
    assert f"published {upgraded.home.published_database}" in upgraded.first.output
    assert "nothing changed" in upgraded.second.output, upgraded.second.output


def test_a_closed_month_keeps_its_files_and_its_rows_in_the_books(upgraded: Upgraded) -> None:
    assert closings(upgraded.home) == upgraded.closings
    with published(upgraded.home) as marts:
        rows = marts.sql(
            """
            select event_id, cache_optimized_cost_usd
            from fct_usage_costs
            where event_date < '2026-09-01' and event_type != 'adjustment'
            order by all
            """
        ).fetchall()
    assert rows == upgraded.closed


def test_restatements_stay_and_are_published(upgraded: Upgraded) -> None:
    assert [record for record in records(upgraded.home) if record in upgraded.records] == upgraded.records
    with published(upgraded.home) as marts:
        rows = marts.sql(
            "select event_date::varchar from fct_restatements where reason = 'signed late' order by 1"
        ).fetchall()
    assert [day for (day,) in rows] == ["2026-09-01"]


def test_the_status_history_stays(upgraded: Upgraded) -> None:
    assert upgraded.statuses
    assert upgraded.statuses <= upgraded.status_history()


def test_the_published_file_has_its_new_name_alone(upgraded: Upgraded) -> None:
    assert not (upgraded.home.root / OLD_PUBLISHED).exists()


def test_marts_of_version_0_2_are_renamed_once(home: Home) -> None:
    (home.root / OLD_PUBLISHED).write_text("old")
    upgrade(home)
    assert home.published_database.read_text() == "old"
    (home.root / OLD_PUBLISHED).write_text("left by a copy")
    upgrade(home)
    assert home.published_database.read_text() == "old"
    assert not (home.root / OLD_PUBLISHED).exists()
