"""Exports over marts written by hand: two days, two keys, one name that a spreadsheet would run."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.reports import export as formats
from dagster_project.reports.export import ExportError
from dagster_project.reports.export_command import write_report
from dagster_project.reports.exports import _COSTS, _COUNTS, _TOKENS
from ingestion.home import Home

DAY_1, DAY_2 = date(2026, 11, 1), date(2026, 11, 2)
#: Day, model, key, status, requests, list cost; the other measures follow from these.
USAGE = (
    (DAY_1, "gpt-4o", "key_1", "success", 2, "0.100000000001"),
    (DAY_1, "gpt-4o", "key_2", "success", 3, "0.200000000002"),
    (DAY_2, "gpt-4o", "key_1", "failure", 1, "0.000000000000"),
    (DAY_2, "=HYPERLINK(1)", "key_1", "success", 4, "0.400000000004"),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    measures = [f"{name} bigint" for name in (*_COUNTS, *_TOKENS)] + [
        f"{name} decimal(38, 12)" for name in _COSTS
    ]
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute("create schema published.marts")
        marts.execute(
            "create table published.marts.fct_usage_daily (event_date date, model_served varchar, api_key_id varchar,"
            " status varchar, api_key_name varchar, member_id varchar, group_name varchar, workspace_id varchar,"
            f" call_type varchar, {', '.join(measures)})"
        )
        for day, model, key, status, requests, cost in USAGE:
            marts.execute(
                "insert into published.marts.fct_usage_daily by name select $1::date as event_date, $2 as model_served,"
                " $3 as api_key_id, $4 as status, $5::bigint as requests, $6::decimal(38, 12) as list_cost_usd",
                [day, model, key, status, requests, cost],
            )
    return home


def usage(
    home: Home, out: Path, group_by: Sequence[str] = (), filters: dict[str, Sequence[str]] | None = None
) -> str:
    return write_report(home, "usage", DAY_1, DAY_2, group_by, filters or {}, out.suffix[1:], out)


def test_usage_adds_up_to_the_same_total_however_it_is_grouped(home: Home, tmp_path: Path) -> None:
    """0.100000000001 + 0.200000000002 + 0.400000000004 = 0.700000000007."""
    for number, group_by in enumerate([(), ("key",), ("day", "model"), ("day,key",)]):
        out = tmp_path / f"{number}.parquet"
        usage(home, out, group_by)
        frame = pl.read_parquet(out)
        assert frame["list_cost_usd"].sum() == Decimal("0.700000000007")
        assert frame["requests"].sum() == 10


def test_filters_keep_what_was_requested(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    assert usage(home, out, ["key"], {"status": ["success"], "key": ["key_1"]}).startswith("wrote 1 rows")
    assert pl.read_parquet(out)["requests"].to_list() == [6]


def test_a_quote_in_a_filter_is_a_value_and_not_a_statement(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    usage(home, out, ["key"], {"key": ["key_1') or ('1' = '1"]})
    assert pl.read_parquet(out).is_empty()


def test_money_keeps_every_digit_in_csv_and_json(home: Home, tmp_path: Path) -> None:
    usage(home, tmp_path / "a.csv")
    usage(home, tmp_path / "a.json")
    assert "0.700000000007" in (tmp_path / "a.csv").read_text()
    assert json.loads((tmp_path / "a.json").read_text())[0]["list_cost_usd"] == "0.700000000007"


def test_no_format_hands_a_spreadsheet_a_formula(home: Home, tmp_path: Path) -> None:
    usage(home, tmp_path / "a.csv", ["model"])
    usage(home, tmp_path / "a.xlsx", ["model"])
    assert "'=HYPERLINK(1)" in (tmp_path / "a.csv").read_text()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_more_rows_than_a_spreadsheet_holds_are_refused_and_leave_the_old_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "SPREADSHEET_ROWS", 1)
    out = tmp_path / "a.xlsx"
    out.write_text("before")
    with pytest.raises(ExportError, match="3 rows do not fit a spreadsheet"):
        usage(home, out, ["day", "key"])
    assert out.read_text() == "before"
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["usage", "--group-by", "keys"], "write model, key, member, group, workspace, day"),
        (["usage", "--group-by", "key,key"], "names one thing twice"),
        (["requests", "--group-by", "key"], "--group-by sums usage"),
        (["invoices", "--member", "m"], "--member narrows usage and requests"),
        (["usage", "--from", "2026-12-01"], "swap them"),
    ],
)
def test_options_that_do_not_fit_report_what_to_write(
    home: Home, tmp_path: Path, arguments: list[str], message: str
) -> None:
    days = [] if "--from" in arguments else ["--from", "2026-11-01"]
    ended = CliRunner().invoke(
        app,
        [
            "export",
            *arguments,
            *days,
            "--to",
            "2026-11-02",
            "--home",
            str(home.root),
            "--out",
            str(tmp_path / "a.csv"),
        ],
    )
    assert ended.exit_code == 2
    assert message in ended.output


def test_without_a_publication_the_export_reports_how_to_get_one(tmp_path: Path) -> None:
    ended = CliRunner().invoke(
        app,
        [
            "export",
            "usage",
            "--from",
            "2026-11-01",
            "--to",
            "2026-11-02",
            "--home",
            str(tmp_path),
            "--out",
            "a.csv",
        ],
    )
    assert ended.exit_code == 1
    assert "tollbook run" in ended.output


@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkdir, "a folder"), (os.mkfifo, "a pipe"), (lambda path: path.symlink_to("/dev/null"), "a device")],
)
def test_what_is_no_file_is_not_replaced(home: Home, tmp_path: Path, make, kind: str) -> None:
    out = tmp_path / "out.csv"
    make(out)
    before = out.lstat().st_ino
    with pytest.raises(ExportError, match=f"is not a file but {kind}; name a file"):
        usage(home, out)
    assert out.lstat().st_ino == before


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(home: Home, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "[*] it's.csv")
    usage(home, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "[*] it's.csv").read_text().startswith("requests,")
