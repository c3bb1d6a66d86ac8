"""Reports saved as YAML: what they give, and how a fault is named."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.exports.custom import custom_reports, find_custom
from dagster_project.exports.reports import ExportError, Selection
from dagster_project.exports.writing import export
from ingestion.home import Home
from tests.dagster_project.exports.conftest import DAY_1, DAY_2

SPEND = """\
name: spend
meaning: spend by key
mart: fct_usage_daily
day: event_date
group_by: [api_key_id]
columns:
  - requests
  - list_cost_usd
filters: {status: [success, failure], member_id: null}
order_by: [-requests]
"""


def save(home: Home, text: str, name: str = "spend.yml") -> None:
    home.reports.mkdir(exist_ok=True)
    (home.reports / name).write_text(text)


def rows(home: Home, name: str, out: Path, filters: dict | None = None) -> pl.DataFrame:
    export(home, find_custom(home, name), Selection(DAY_1, DAY_2, filters or {}), out)
    return pl.read_parquet(out)


def test_a_grouped_report_holds_sums_in_its_order(marts_home: Home, tmp_path: Path) -> None:
    """Key 1: 2 + 1 + 4 = 7 requests; key 3: 5; key 2: 3."""
    save(marts_home, SPEND)
    frame = rows(marts_home, "spend", tmp_path / "a.parquet")
    assert frame["api_key_id"].to_list() == ["key_1", "key_3", "key_2"]
    assert frame["requests"].to_list() == [7, 5, 3]
    assert frame["list_cost_usd"].to_list()[1] is None


def test_a_report_without_groups_lists_rows(marts_home: Home, tmp_path: Path) -> None:
    save(
        marts_home,
        "name: rows\nmeaning: rows\nmart: fct_usage_daily\nday: event_date\n"
        "columns: [model_served, requests]\nfilters: {requests: [1, 4]}\norder_by: [requests]\n",
    )
    frame = rows(marts_home, "rows", tmp_path / "a.parquet")
    assert frame.rows() == [("gpt-4o", 1), ("=HYPERLINK(1)", 4)]


def test_options_narrow_a_saved_report_by_the_columns_its_mart_has(marts_home: Home, tmp_path: Path) -> None:
    save(marts_home, SPEND)
    frame = rows(marts_home, "spend", tmp_path / "a.parquet", {"workspace": ["ws_2"]})
    assert frame["requests"].to_list() == [3]


def test_a_value_in_a_filter_is_a_value_and_not_a_statement(marts_home: Home, tmp_path: Path) -> None:
    save(marts_home, SPEND.replace("[success, failure]", "\"x') or ('1' = '1\""))
    ended = CliRunner().invoke(
        app,
        f"export --report spend --from 2026-11-01 --to 2026-11-02 --home {marts_home.root} --out {tmp_path}/a.csv",
    )
    assert ended.exit_code == 3


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        (
            "list_cost_usd",
            "liste_cost_usd",
            "spend.yml:8: columns[1]: 'liste_cost_usd' is not a column of fct_usage",
        ),
        ("list_cost_usd", "liste_cost_usd", "write for example list_cost_usd"),
        ("day: event_date", "day: api_key_id", "spend.yml:4: day: 'api_key_id' is not a day or a time"),
        (
            "mart: fct_usage_daily",
            "mart: fct_usage",
            "spend.yml:3: mart: 'fct_usage' is not a published mart",
        ),
        ("status:", "statuss:", "spend.yml:9: filters.statuss: 'statuss' is not a column"),
        ("-requests", "-tokens", "spend.yml:10: order_by[0]: '-tokens' is not a column of this report"),
        ("- requests", "- status", "spend.yml:7: columns[0]: status has no sum; move it to group_by"),
        ("- requests", "- cache_hit_rate", "spend.yml:7: columns[0]: cache_hit_rate has no sum"),
    ],
)
def test_what_the_mart_does_not_have_is_named_with_file_line_and_key(
    marts_home: Home, wrong: str, right: str, message: str
) -> None:
    save(marts_home, SPEND.replace(wrong, right, 1))
    with pytest.raises(ExportError) as raised:
        find_custom(marts_home, "spend")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        (
            "order_by:",
            "sort:",
            "reports/spend.yml:10: sort: is not a key that is known here",
        ),
        ("mart: fct_usage_daily\n", "", "reports/spend.yml:1: mart: is missing; write it"),
        ("name: spend", "name: My Spend", "reports/spend.yml:1: name: 'My Spend' is not a name"),
        ("day: event_date", "day: 5", "reports/spend.yml:4: day: it should be a valid string, not 5"),
        ("- requests", "- [requests]", "reports/spend.yml:7: columns[0]: it should be a valid string"),
        (
            "name: spend",
            "name: usage",
            "reports/spend.yml:1: name: 'usage' is a built-in report; choose another",
        ),
        ("name: spend", "name: spend\nname: again", "name occurs twice"),
        ("name: spend", "name: [", "not valid YAML"),
        (SPEND, "- spend\n", "write keys and values: name, meaning, mart"),
    ],
)
def test_a_fault_of_a_file_is_named_with_file_line_and_key(
    marts_home: Home, wrong: str, right: str, message: str
) -> None:
    save(marts_home, SPEND.replace(wrong, right, 1))
    with pytest.raises(ExportError) as raised:
        custom_reports(marts_home)
    assert message in str(raised.value)


def test_a_value_of_another_type_than_its_column_is_refused(marts_home: Home, tmp_path: Path) -> None:
    save(marts_home, SPEND.replace("status: [success, failure]", "requests: many"))
    with pytest.raises(ExportError, match="a filter has a value of another type than its column"):
        rows(marts_home, "spend", tmp_path / "a.parquet")


def test_two_files_of_one_name_are_refused(marts_home: Home) -> None:
    save(marts_home, SPEND)
    save(marts_home, SPEND, "spend_2.yml")
    with pytest.raises(
        ExportError, match=r"reports/spend_2.yml:1: name: 'spend' is also in reports/spend.yml"
    ):
        custom_reports(marts_home)


def test_a_report_of_the_home_replaces_a_shipped_one(marts_home: Home) -> None:
    save(marts_home, SPEND.replace("name: spend", "name: variances"))
    assert custom_reports(marts_home)["variances"].place == "reports/spend.yml"
