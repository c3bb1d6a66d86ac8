"""Exports over marts written by hand: what is in the file, in the manifest, and what is refused.

Rulings: docs/decisions/exports.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dagster_project.exports import spreadsheet, writing
from dagster_project.exports.command import write_report
from dagster_project.exports.reports import ExportError, Selection, usage
from dagster_project.exports.writing import NothingSelected, export
from ingestion.home import Home
from tests.dagster_project.exports.conftest import DAY_1, DAY_2


def write_usage(
    home: Home, out: Path, group_by: Sequence[str] = (), filters: dict[str, Sequence[str]] | None = None
):
    return export(home, usage(group_by), Selection(DAY_1, DAY_2, filters or {}), out)


def test_usage_adds_up_to_the_same_total_however_it_is_grouped(marts_home: Home, tmp_path: Path) -> None:
    """0.100000000001 + 0.200000000002 + 0.400000000004 = 0.700000000007; 2 + 3 + 1 + 4 + 5 = 15 requests."""
    for number, group_by in enumerate([(), ("key",), ("day", "model"), ("source", "workspace")]):
        out = tmp_path / f"{number}.parquet"
        manifest = write_usage(marts_home, out, group_by)
        frame = pl.read_parquet(out)
        assert frame["list_cost_usd"].sum() == Decimal("0.700000000007") == manifest.sums["list_cost_usd"]
        assert frame["requests"].sum() == 15 == manifest.sums["requests"]


def test_filters_keep_what_was_requested(marts_home: Home, tmp_path: Path) -> None:
    """Key 1 on success: 2 + 4 = 6 requests; workspace 2: 3."""
    out = tmp_path / "a.parquet"
    assert write_usage(marts_home, out, ["key"], {"status": ["success"], "key": ["key_1"]}).rows == 1
    assert pl.read_parquet(out)["requests"].to_list() == [6]
    write_usage(marts_home, out, (), {"workspace": ["ws_2"], "source": ["east"]})
    assert pl.read_parquet(out)["requests"].to_list() == [3]


def test_a_quote_in_a_filter_is_a_value_and_not_a_statement(marts_home: Home, tmp_path: Path) -> None:
    with pytest.raises(NothingSelected):
        write_usage(marts_home, tmp_path / "a.parquet", ["key"], {"key": ["key_1') or ('1' = '1"]})


def test_money_keeps_every_digit_in_csv_and_json(marts_home: Home, tmp_path: Path) -> None:
    write_usage(marts_home, tmp_path / "a.csv")
    write_usage(marts_home, tmp_path / "a.json")
    assert "0.700000000007" in (tmp_path / "a.csv").read_text()
    assert json.loads((tmp_path / "a.json").read_text())[0]["list_cost_usd"] == "0.700000000007"


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet", "xlsx"])
def test_unpriced_usage_is_empty_and_never_zero(marts_home: Home, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"a.{suffix}"
    manifest = write_usage(marts_home, out, ["model"], {"key": ["key_3"]})
    assert manifest.sums["list_cost_usd"] is None
    if suffix == "csv":
        assert pl.read_csv(out)["list_cost_usd"].to_list() == [None]
    elif suffix == "json":
        assert json.loads(out.read_text())[0]["list_cost_usd"] is None
    elif suffix == "parquet":
        assert pl.read_parquet(out)["list_cost_usd"].to_list() == [None]
    else:
        with zipfile.ZipFile(out) as book:
            cells = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<v>5.0</v>" in cells
        assert "<v>0.0</v>" not in cells


def test_no_format_hands_a_spreadsheet_a_formula(marts_home: Home, tmp_path: Path) -> None:
    write_usage(marts_home, tmp_path / "a.csv", ["model"])
    write_usage(marts_home, tmp_path / "a.xlsx", ["model"])
    assert "'=HYPERLINK(1)" in (tmp_path / "a.csv").read_text()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<t>=HYPERLINK(1)</t>" in cells
    assert "<f>" not in cells


def test_the_manifest_states_rows_sums_hash_selection_and_publication(
    marts_home: Home, tmp_path: Path
) -> None:
    """Day 2: 1 + 4 + 5 = 10 requests in three rows, 0.400000000004 USD."""
    out = tmp_path / "a.csv"
    export(marts_home, usage(["model", "key"]), Selection(DAY_2, DAY_2, {"source": ["east"]}), out)
    manifest = json.loads((tmp_path / "a.csv.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (manifest["file"], manifest["format"], manifest["rows"]) == ("a.csv", "csv", 3)
    assert (manifest["sums"]["requests"], manifest["sums"]["list_cost_usd"]) == ("10", "0.400000000004")
    assert manifest["selection"] == {
        "report": "usage",
        "from": "2026-11-02",
        "to": "2026-11-02",
        "filters": {"source": ["east"]},
        "group_by": ["model_served", "api_key_id"],
    }
    assert (manifest["publication_id"], manifest["published_at"]) == ("p1", "2026-11-03T02:00:00Z")


def test_the_same_marts_give_the_same_file_and_manifest(marts_home: Home, tmp_path: Path) -> None:
    out, beside = tmp_path / "a.parquet", tmp_path / "a.parquet.manifest.json"
    write_usage(marts_home, out, ["key", "day"])
    before = beside.read_bytes()
    write_usage(marts_home, out, ["key", "day"])
    assert beside.read_bytes() == before


def test_more_rows_than_a_spreadsheet_holds_are_refused_and_leave_the_old_file(
    marts_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 1)
    out = tmp_path / "a.xlsx"
    out.write_text("before")
    with pytest.raises(ExportError, match=r"4 rows do not fit a spreadsheet .*\.parquet"):
        write_usage(marts_home, out, ["day", "key"])
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "home"]


def test_a_failure_while_writing_leaves_file_and_manifest_as_they_were(
    marts_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.csv"
    write_usage(marts_home, out, ["key"])
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.*")}

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(writing, "describe", fail)
    with pytest.raises(OSError, match="disk full"):
        write_usage(marts_home, out, ["day"])
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a.*")} == before
    assert not list(tmp_path.glob(".tmp-*"))


def test_progress_is_told_the_rows_before_and_ends_with_all_of_them(marts_home: Home, tmp_path: Path) -> None:
    for suffix in ("csv", "xlsx"):
        told: list[int] = []

        def started(rows: int, told: list[int] = told):
            told.append(rows)
            return told.append

        out = tmp_path / f"a.{suffix}"
        lines = list(write_report(marts_home, usage(["key"]), Selection(DAY_1, DAY_2), out, None, started))
        assert (told[0], told[-1]) == (3, 3)
        assert lines[0].startswith("wrote 3 rows of usage, 2026-11-01 to 2026-11-02, to ")
        assert "rows/s" in lines[0]


def test_a_spreadsheet_counts_the_amounts_it_rounds(marts_home: Home, tmp_path: Path) -> None:
    """A double has 15 to 17 digits: 0.700000000007 fits, 12345678901.123456789012 does not."""
    assert write_usage(marts_home, tmp_path / "a.xlsx").rounded_in_spreadsheet == {}
    with duckdb.connect(str(marts_home.published_database)) as marts:
        marts.execute(
            "update marts.fct_usage_daily set list_cost_usd = 12345678901.123456789012 where requests = 2"
        )
    selection = Selection(DAY_1, DAY_1, {"key": ["key_1"]})
    out = tmp_path / "a.xlsx"
    lines = list(write_report(marts_home, usage(["model"]), selection, out))
    assert "1 number of list_cost_usd have more digits than a spreadsheet holds" in lines[-1]
    assert export(marts_home, usage(), selection, tmp_path / "a.csv").rounded_in_spreadsheet == {}


@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkdir, "a folder"), (os.mkfifo, "a pipe"), (lambda path: path.symlink_to("/dev/null"), "a device")],
)
def test_what_is_no_file_is_not_replaced(marts_home: Home, tmp_path: Path, make, kind: str) -> None:
    out = tmp_path / "out.csv"
    make(out)
    before = out.lstat().st_ino
    with pytest.raises(ExportError, match=f"is not a file but {kind}; name a file"):
        write_usage(marts_home, out)
    assert out.lstat().st_ino == before


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(marts_home: Home, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "[*] it's.csv")
    write_usage(marts_home, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "[*] it's.csv").read_text().startswith("requests,")
