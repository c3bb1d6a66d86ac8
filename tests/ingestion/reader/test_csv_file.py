"""CSV exports: headers in any order, cells by RFC 4180, and damage that stays where it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from ingestion.reader.formats import csv_file

HEADER = (
    "Call Time,Request ID,Model Name,Call Status,Input Tokens,Output Tokens,Total Tokens,Cached Tokens,"
    "Processing Duration,List Price,Discounted Price,Cache-Optimized Price"
)


def row(number: int, **cells: str) -> str:
    """A row of Infron's export; keyword arguments replace cells."""
    values = {
        "at": "2026-11-01T07:21:59.391Z",
        "id": f"gen-{number:03}",
        "model": "anthropic/claude-sonnet-4-5",
        "status": "success",
        "input": "5124",
        "output": "316",
        "total": "5440",
        "cached": "524",
        "took": "1834",
        "list": "0.0023",
        "discounted": "0.00207",
        "optimized": "0.00169348",
        **cells,
    }
    return ",".join(values.values())


@pytest.fixture
def export(desk):
    """Land lines as Infron's CSV export and read them; gives (id, line) of the rows."""

    def run(*lines: str, header: str = HEADER, end: str = "\n", last: str | None = None):
        text = end.join([header, *lines]) + (end if last is None else last)
        desk.land(text.encode("utf-8", "surrogateescape"), name="a.csv", stream="infron/logs")
        desk.run()
        return [(r["request_id"], r["raw_line"]) for r in desk.rows("infron_logs_csv")]

    return run


def test_a_row_is_read_to_the_last_digit(desk, export):
    assert export(row(1)) == [("gen-001", 2)]
    [found] = desk.rows("infron_logs_csv")
    assert found["created_at"] == found["occurred_at"] == datetime(2026, 11, 1, 7, 21, 59, 391000)
    assert (found["input_tokens"], found["cache_read_tokens"], found["processing_ms"]) == (5124, 524, 1834)
    assert found["cache_optimized_price"] == Decimal("0.001693480000")
    assert found["extra"] is None


def test_columns_stand_in_any_order_and_case(desk, export):
    header = "STATUS, model  name ,request id,Call Time,List Price"
    assert export("success,m,gen-1,2026-11-01 07:00:00,0.5", header=header) == [("gen-1", 2)]
    [found] = desk.rows("infron_logs_csv")
    assert (found["list_price"], found["usage_source"]) == (Decimal("0.5"), "missing")


def test_an_undeclared_column_is_kept_and_reported_but_never_a_prompt(desk, export):
    header = f"{HEADER},Region,Prompt"
    assert export(f"{row(1)},eu,tell me", f"{row(2)},,x", header=header) == [("gen-001", 2), ("gen-002", 3)]
    assert [r["extra"] for r in desk.rows("infron_logs_csv")] == ['{"Region":"eu"}', None]
    assert desk.record()["unknown_fields"] == ["Prompt", "Region"]


def test_what_is_kept_of_an_undeclared_column_does_not_depend_on_the_way(desk, export):
    header = f"{HEADER},Region"
    export(f'{row(1)},"e ""u"" sk-abcdefgh1"', "broken", header=header)
    desk.land(f'{header}\n{row(1)},"e ""u"" sk-abcdefgh1"\n'.encode(), name="b.csv", stream="infron/logs")
    desk.run()
    careful, bulk = (r["extra"] for r in desk.rows("infron_logs_csv"))
    assert careful == bulk == '{"Region":"e \\"u\\" [secret]"}'


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (HEADER.replace("Request ID,", ""), "missing_column"),
        (HEADER.replace("Request ID", "request_identifier"), "missing_column"),
        (HEADER.replace("Cached Tokens", "Input Tokens"), "duplicate_column"),
        ('"' + HEADER, "malformed_csv"),
        ("\udcff" + HEADER, "invalid_utf8"),
        ("", "missing_column"),
    ],
)
def test_a_header_that_does_not_fit_rejects_the_file_as_one(desk, export, header, reason):
    assert export(row(1), row(2), header=header) == []
    assert desk.reasons() == {1: reason}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", None])
def test_either_line_end_and_none_at_all_read_the_same(desk, export, end, last):
    assert export(row(1), row(2), end=end, last=last) == [("gen-001", 2), ("gen-002", 3)]
    assert desk.record()["notes"] == (["no_newline_at_end"] if last == "" else [])


def test_mixed_line_ends_and_blank_lines_do_not_move_line_numbers(desk, export):
    assert export(row(1) + "\r", "", row(2), "  ") == [("gen-001", 2), ("gen-002", 4)]
    assert desk.record()["blank_lines"] == 2


def test_quotes_may_hold_commas_quotes_and_line_breaks(desk, export):
    model = '"a, ""b""\nc"'
    assert export(row(1), row(2, model=model), row(3)) == [("gen-001", 2), ("gen-002", 3), ("gen-003", 5)]
    assert desk.rows("infron_logs_csv")[1]["model"] == 'a, "b"\nc'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(2) + ",", "wrong_cell_count"),
        (row(2) + ",1", "wrong_cell_count"),
        ("gen-002,1", "wrong_cell_count"),
        (row(2, model='a"b'), "malformed_csv"),
        (row(2, model='"a"b'), "malformed_csv"),
        (row(2, model='"a" '), "malformed_csv"),
        (row(2, model=' "a"'), "malformed_csv"),
        (row(2, model='"never closed'), "malformed_csv"),
        (row(2, model="\udcff"), "invalid_utf8"),
        (row(2, model="a\rb"), "malformed_csv"),
        (row(2, id=""), "missing_field"),
        (row(2, at="yesterday"), "invalid_time"),
        (row(2, at="1970-01-01"), "time_out_of_range"),
        (row(2, input="5.7"), "wrong_type"),
        (row(2, input="true"), "wrong_type"),
        (row(2, input="-1"), "token_count_out_of_range"),
        (row(2, input="1e30"), "integer_out_of_range"),
        (row(2, list="NaN"), "money_out_of_range"),
        (row(2, list="€5"), "wrong_type"),
        (row(2, input="1.128"), "ambiguous_number"),
        (row(2, status="perhaps"), "unknown_status"),
    ],
)
def test_a_bad_line_is_rejected_alone(desk, export, line, reason):
    assert export(row(1), line, row(3, model='"q,q"'), row(4)) == [
        ("gen-001", 2),
        ("gen-003", 4),
        ("gen-004", 5),
    ]
    assert desk.reasons() == {3: reason}


def test_a_cut_last_line_is_truncated(desk, export):
    assert export(row(1), row(2)[:30], last="") == [("gen-001", 2)]
    assert desk.reasons() == {3: "truncated_line"}


@pytest.mark.parametrize("value", ["0.1234567890125", "1e-5", "00012.50", " 7 ", "1_000", "0.0000000000005"])
def test_a_cell_reads_the_same_on_either_way(desk, export, value):
    export(row(1, list=value), "broken")
    desk.land(f"{HEADER}\n{row(1, list=value)}\n".encode(), name="b.csv", stream="infron/logs")
    desk.run()
    careful, bulk = (r["list_price"] for r in desk.rows("infron_logs_csv"))
    assert careful == bulk


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2026-11-01T07:21:59+02:00", 5), ("2026-11-01 07:21:59", 7), ("2026-11-01T07:21:59Z", 7)],
)
@pytest.mark.parametrize("neighbour", [(), ("broken",)])
def test_an_offset_counts_on_either_way(desk, export, written, hour, neighbour):
    export(row(1, at=written), *neighbour)
    assert desk.rows("infron_logs_csv")[0]["created_at"] == datetime(2026, 11, 1, hour, 21, 59)


@pytest.mark.parametrize("neighbour", [(), ("broken",)])
def test_a_time_without_offset_is_the_sources_own(desk, export, neighbour):
    desk.home.sources_file.write_text("sources: {infron: {time_zone: Europe/London}}")
    export(row(1, at="2026-07-01 07:21:59"), *neighbour)
    assert desk.rows("infron_logs_csv")[0]["created_at"] == datetime(2026, 7, 1, 6, 21, 59)


def test_a_record_across_a_stretch_keeps_its_line(desk, export, monkeypatch):
    monkeypatch.setattr(csv_file, "CAREFUL_BYTES", 200)
    lines = [row(n, model=f'"m\n{n}"') if n % 3 == 0 else row(n) for n in range(1, 31)]
    lines[10] = "broken"
    found = export(*lines)
    starts, line = [], 2
    for text in lines:
        starts.append(line)
        line += 1 + text.count("\n")
    expected = [(f"gen-{n:03}", starts[n - 1]) for n in range(1, 31) if n != 11]
    assert found == expected
    assert desk.reasons() == {starts[10]: "wrong_cell_count"}


def test_a_file_with_a_header_only_holds_nothing(desk, export):
    assert export() == []
    assert desk.record()["lines"] == 0


def test_a_source_in_another_zone_reads_its_files_again(desk, export):
    export(row(1, at="2026-07-01 07:21:59"))
    desk.home.sources_file.write_text("sources: {infron: {time_zone: Europe/London}}")
    [again] = desk.run()
    assert not again.skipped


@pytest.mark.parametrize("took", ["NaN", "inf", "-inf s", "1e300", "1000000000001", "1000000000.1"])
def test_a_duration_no_call_can_take_is_a_reject(desk, export, took):
    assert export(row(1), row(2, took=took)) == [("gen-001", 2)]
    assert [reject["reason"] for reject in desk.rejects()] == ["integer_out_of_range"]


@pytest.mark.parametrize(
    ("took", "milliseconds"),
    [("", None), ("–", None), ("1.834", 1834), ("2s", 2000), ('"1,834"', 1834), ('"1,834 ms"', 1834)],
)
def test_a_duration_is_milliseconds_or_seconds_and_may_be_missing(desk, export, took, milliseconds):
    assert export(row(1, took=took)) == [("gen-001", 2)]
    assert [found["processing_ms"] for found in desk.rows("infron_logs_csv")] == [milliseconds]
