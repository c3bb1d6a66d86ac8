"""Every export read back: the rows of its query, in its order, and the sums of its manifest and of the marts.

Rulings: docs/decisions/exports.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from dagster_project.books.published import published
from dagster_project.exports.custom import custom_reports, find_custom
from dagster_project.exports.presets import BUILT_IN, INFERY, INFRON, TOKENOPEN
from dagster_project.exports.reports import REQUESTS, Report, Selection, usage
from dagster_project.exports.writing import export
from ingestion.home import Home
from ingestion.landing import pending
from ingestion.load import convert, write_schemas
from ingestion.sources import load_sources
from tests.dagster_project.exports.read_back import in_milliseconds, read_back

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ALL_DAYS = Selection(date(2026, 8, 1), date(2026, 12, 31))
REPORTS = (*BUILT_IN.values(), usage(("day", "model", "key")))


@pytest.fixture(scope="module")
def marts(finished_night) -> Iterator[duckdb.DuckDBPyConnection]:
    with published(finished_night.home) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def same_rows_and_sums(home: Home, report: Report, marts: duckdb.DuckDBPyConnection, out: Path) -> None:
    manifest = export(home, report, ALL_DAYS, out)
    expected = marts.sql(report.sql(ALL_DAYS)).fetchall()
    found = read_back(out)
    if out.suffix == ".xlsx":
        assert manifest.rounded_in_spreadsheet == {}
        expected = [tuple(map(in_milliseconds, row)) for row in expected]
    assert found == expected
    assert (
        len(found)
        == manifest.rows
        == json.loads(out.with_name(f"{out.name}.manifest.json").read_text())["rows"]
    )
    for place, name in enumerate(manifest.columns):
        if name in manifest.sums:
            numbers = [row[place] for row in found if row[place] is not None]
            assert manifest.sums[name] == (sum(numbers) if numbers else None)


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet", "xlsx"])
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.name} {report.groups or ''}".strip())
def test_an_export_read_back_has_the_rows_and_sums_of_its_query(
    finished_night, marts: duckdb.DuckDBPyConnection, tmp_path: Path, report: Report, suffix: str
) -> None:
    same_rows_and_sums(finished_night.home, report, marts, tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("name", custom_reports(Home(Path("no home"))))
def test_every_shipped_report_fits_the_marts_and_can_be_read_back(
    finished_night, marts: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    report = find_custom(finished_night.home, name)
    if marts.sql(report.sql(ALL_DAYS)).fetchall():
        same_rows_and_sums(finished_night.home, report, marts, tmp_path / "a.csv")


def test_presets_and_usage_add_up_to_the_requests(
    finished_night, marts: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Every report of usage has the tokens and the cost of fct_usage_costs, AIsa's charges those of its column."""
    [(rows, tokens, optimized, charged)] = marts.sql(
        "select count(*), sum(input_tokens), sum(cache_optimized_cost_usd), sum(charged_cost_usd) from fct_usage_costs"
    ).fetchall()

    def of(report: Report):
        return export(finished_night.home, report, ALL_DAYS, tmp_path / "a.parquet")

    assert (of(REQUESTS).rows, of(INFERY).rows, of(INFRON).rows, of(TOKENOPEN).rows) == (rows,) * 4
    assert of(INFERY).sums["prompt_tokens"] == of(BUILT_IN["aisa"]).sums["Input"] == tokens
    assert (
        of(usage()).sums["cache_optimized_cost_usd"] == of(INFRON).sums["Cache-Optimized Price"] == optimized
    )
    assert of(BUILT_IN["aisa"]).sums["Spend"] == of(TOKENOPEN).sums["Cost"] == charged
    assert of(BUILT_IN["focus"]).sums["x_ReportedCost"] is not None


@pytest.mark.parametrize(
    ("report", "file", "more"),
    [
        (INFERY, "infery/usage.csv", ""),
        (INFRON, "infron/logs.csv", ",Discount (%),Discount Savings,Cache Hit Rate (%),Cache Savings (%)"),
        (TOKENOPEN, "new_api/console.csv", ""),
    ],
)
def test_a_preset_has_the_columns_of_the_gateways_own_export(
    finished_night, tmp_path: Path, report: Report, file: str, more: str
) -> None:
    """And after them those that only the gateway's page shows."""
    export(finished_night.home, report, ALL_DAYS, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as ours, (FIXTURES / file).open() as theirs:
        assert next(ours).strip() == next(theirs).strip() + more


def test_infrons_percentages_follow_from_its_prices(finished_night, marts: duckdb.DuckDBPyConnection) -> None:
    """Discount = 100 x (1 - discounted / list), cache savings = 100 x (1 - optimized / discounted), to 4 places."""
    found = marts.sql(
        f"""
        select "List Price", "Discounted Price", "Cache-Optimized Price", "Discount (%)", "Discount Savings",
            "Cache Savings (%)", "Cached Tokens", "Input Tokens", "Cache Hit Rate (%)"
        from ({INFRON.sql(ALL_DAYS)}) where "Discounted Price" > 0
        """
    ).fetchall()
    assert any(row[3] > 0 for row in found)
    assert any(row[5] > 0 for row in found)
    for listed, discounted, optimized, discount, saved, cache, cached, prompt, hit_rate in found:
        assert saved == listed - discounted
        assert discount == (100 * (1 - discounted / listed)).quantize(Decimal("0.0001"))
        assert cache == (100 * (1 - optimized / discounted)).quantize(Decimal("0.0001"))
        rate = (100 * Decimal(cached) / prompt).quantize(Decimal("0.0001")) if prompt else None
        assert hit_rate == rate


@pytest.mark.parametrize(
    ("report", "stream"), [(INFERY, "infery/usage"), (INFRON, "infron/logs"), (TOKENOPEN, "tokenopen/logs")]
)
def test_a_preset_can_be_delivered_again_and_every_call_of_a_model_is_read(
    finished_night, tmp_path: Path, report: Report, stream: str
) -> None:
    """The gateway's own reader rejects no line that has what its contract demands: an id, a time, a model."""
    again = Home(tmp_path / "home")
    landed = again.landing / stream / "dt=2026-12-31" / "a.csv"
    landed.parent.mkdir(parents=True)
    selection = Selection(ALL_DAYS.first, ALL_DAYS.last, {"status": ["success"], "call-type": ["chat"]})
    manifest = export(finished_night.home, report, selection, landed)
    landed.with_name("a.csv.manifest.json").rename(tmp_path / "manifest.json")
    write_schemas(again)
    sources = load_sources(again)
    [result] = [convert(again, file) for file in pending(again, sources)]
    assert (result.events, result.rejects) == (manifest.rows, 0)
