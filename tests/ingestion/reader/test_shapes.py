"""What a record becomes does not depend on the shape its file came in: every stream, every shape, the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from ingestion.connectors import CONNECTORS
from tests.ingestion.conftest import Desk

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"

JSON_STREAMS = {
    "infron/logs": "infron/logs.ndjson",
    "infron/responses": "infron/responses.ndjson",
    "new_api/logs": "new_api/items.ndjson",
    "new_api/topups": "new_api/topups.ndjson",
    "one_api/logs": "new_api/one_api.ndjson",
    "infery/requests": "infery/requests.ndjson",
    "infery/headers": "infery/headers.ndjson",
    "infery/responses": "infery/responses.ndjson",
    "infery/invoices": "infery/invoices.ndjson",
    "infery/plans": "infery/plans.ndjson",
    "infery/usage_api": "infery/usage_api.json",
    "litellm/logs": "litellm_payloads.ndjson",
    "litellm/spend_logs": "litellm/spend_logs.ndjson",
    "openrouter/generations": "openrouter/generations.ndjson",
    "openrouter/activity": "openrouter/activity.json",
}
CSV_STREAMS = {
    "infron/logs": "infron/logs.csv",
    "tokenopen/logs": "new_api/console.csv",
    "infery/usage": "infery/usage.csv",
    "openrouter/generations": "openrouter/generations.csv",
    "openrouter/activity": "openrouter/activity.csv",
}
#: Of a row, what says where it stood.
PLACE = ("raw_file", "raw_line", "first_line", "file_row_number")


def zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def json_shapes(records: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield a file name and content for every shape; `records` are the texts of JSON values."""
    lines = "".join(f"{record}\n" for record in records)
    printed = [json.dumps(json.loads(record), indent=2, ensure_ascii=False) for record in records]
    array = f"[{', '.join(records)}]"
    pretty = "[\n" + ",\n".join(f"  {record}".replace("\n", "\n  ") for record in printed) + "\n]\n"
    yield "lines.ndjson", lines.encode()
    yield "lines.json", lines.encode()
    yield "lines.log", lines.encode()
    yield "lines-and-bom.jsonl", b"\xef\xbb\xbf" + lines.encode()
    yield "lines.ndjson.gz", gzip.compress(lines.encode())
    yield "array.json", array.encode()
    yield "array.ndjson", array.encode()
    yield "array.json.zst", zst(array.encode())
    yield "array-of-lines.json", ("[\n" + ",\n".join(records) + "\n]\n").encode()
    yield "pretty.json", pretty.encode()
    yield "pretty.ndjson.gz", gzip.compress(pretty.encode())
    yield "pretty.txt", pretty.encode()
    yield "objects.json", "\n".join(printed).encode()
    yield "utf-16.ndjson", lines.encode("utf-16")
    yield "utf-16-be.json", b"\xfe\xff" + pretty.encode("utf-16-be")
    yield "utf-16-array.json.gz", gzip.compress(array.encode("utf-16"))


def csv_shapes(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file name and content for every way to write a table."""
    table = list(csv.reader(io.StringIO(text)))

    def parted(delimiter: str, **style: int) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="\n", **style).writerows(table)
        return out.getvalue()

    yield "commas.csv", text.encode()
    yield "semicolons.csv", parted(";").encode()
    yield "semicolons-quoted.csv", parted(";", quoting=csv.QUOTE_ALL).replace("\n", "\r\n").encode()
    yield "tabs.tsv", parted("\t").encode()
    yield "tabs.csv.gz", gzip.compress(parted("\t").encode())
    yield "tabs.txt", parted("\t").encode()
    yield "bars.csv.zst", zst(parted("|").encode())
    yield "bom.csv", b"\xef\xbb\xbf" + text.encode()
    yield "utf-16.csv", parted("\t").encode("utf-16")
    yield "utf-16-be.csv", b"\xfe\xff" + parted(";").encode("utf-16-be")


def landed(desk: Desk, stream: str, files: Iterator[tuple[str, bytes]]) -> dict[str, tuple[list, list]]:
    """Land files and return what became of each: its rows, without their places, and its rejects."""
    names = []
    for name, content in files:
        names.append(name)
        desk.land(content, name=name, stream=stream)
    desk.run()
    tables = {content["table"] for content in desk.records()}
    rows = [row for table in tables for row in desk.rows(table)]

    def of(name: str, found: list[dict]) -> list[dict]:
        return [one for one in found if one["raw_file"].rpartition("/")[2] == name]

    return {
        name: (
            [{key: value for key, value in row.items() if key not in PLACE} for row in of(name, rows)],
            sorted((reject["reason"], reject["detail"]) for reject in of(name, desk.rejects())),
        )
        for name in names
    }


def records_of(stream: str) -> list[str]:
    text = (FIXTURES / JSON_STREAMS[stream]).read_text(encoding="utf-8")
    if JSON_STREAMS[stream].endswith(".ndjson"):
        return [line for line in text.splitlines() if line.strip()]
    return [json.dumps(record) for record in json.loads(text)["data"]]


@pytest.mark.parametrize("stream", JSON_STREAMS)
def test_json_of_every_shape_becomes_the_same_rows_and_rejects(desk, stream):
    records = [*records_of(stream), "{}", "5", '"x"']
    found = landed(desk, stream, json_shapes(records))
    rows, rejects = found["lines.ndjson"]
    assert len(rows) + len(rejects) == len(records) > 3
    assert all(shape == (rows, rejects) for shape in found.values()), [
        n for n in found if found[n] != (rows, rejects)
    ]


@pytest.mark.parametrize("stream", ["litellm/logs", "infron/logs", "new_api/logs"])
def test_one_object_a_file_becomes_the_same_rows(desk, stream):
    """As LiteLLM writes its objects into a bucket: compact, or printed by the program that fetched them."""
    records = records_of(stream)[:6]
    compact = ((f"time-07-21-{n:02}-391_chatcmpl-{n}.json", r.encode()) for n, r in enumerate(records))
    printed = ((f"{n:02}.json", json.dumps(json.loads(r), indent=4).encode()) for n, r in enumerate(records))
    found = landed(desk, stream, [("all.ndjson", "\n".join(records).encode()), *compact, *printed])
    rows, rejects = found.pop("all.ndjson")
    assert rejects == []
    one_by_one = [row for shape in found.values() for row in shape[0]]
    assert one_by_one == rows * 2


@pytest.mark.parametrize("stream", CSV_STREAMS)
def test_tables_of_every_kind_become_the_same_rows_and_rejects(desk, stream):
    text = (FIXTURES / CSV_STREAMS[stream]).read_text(encoding="utf-8-sig")
    cells = text.splitlines()[0].count(",") + 1
    found = landed(desk, stream, csv_shapes(f"{text.rstrip()}\n{',' * (cells - 1)}\nx,y\n"))
    rows, rejects = found["commas.csv"]
    assert len(rows) >= 1
    assert [reason for reason, _ in rejects] == ["missing_field", "wrong_cell_count"]
    assert all(shape == (rows, rejects) for shape in found.values()), [
        n for n in found if found[n] != (rows, rejects)
    ]


HEADER = "Time;Usage;Model;Key Name;Duration (ms);Input Tokens;Output Tokens;Cost"


def test_a_console_shows_numbers_to_people(desk):
    rows = [
        "2026-11-01 07:21:59;500;gpt-4o;a;1834;1128;1;0.0022",
        "2026-11-01 07:21:59;500;gpt-4o;a;1,834 ms;1,128;1;$0.0022",
        "2026-11-01 07:21:59;500;gpt-4o;a;1.834 s;1 128;1;0,0022",
        "2026-11-01 07:21:59;500;gpt-4o;a;1834;1128;1;1,128",
        "2026-11-01 07:21:59;500;gpt-4o;a;1834;1.128;1;0.0022",
        "2026-11-01 07:21:59;500;gpt-4o;a;1834;1128;1;€0.0022",
        "2026-11-01 07:21:59,500,gpt-4o,a,1834,1128,1,0.0022",
    ]
    desk.land([HEADER, *rows], name="a.csv", stream="tokenopen/logs")
    desk.run()
    found = desk.rows("new_api_logs_csv")
    assert [row["raw_line"] for row in found] == [2, 3, 4]
    numbers = [(str(row["cost"]), row["prompt_tokens"], row["duration_ms"]) for row in found]
    assert numbers == [("0.002200000000", 1128, 1834)] * 3
    assert desk.reasons() == {
        5: "ambiguous_number",
        6: "ambiguous_number",
        7: "wrong_type",
        8: "wrong_cell_count",
    }


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.json", "a.sse"])
def test_half_a_character_at_the_end_is_the_last_lines_fault(desk, call, name):
    line = json.dumps(call(1))
    content = {
        "a.csv": "Call Time,Request ID,Model Name,Call Status\n2026-11-01 07:00:00,gen-000001,m,success\n2026-",
        "a.sse": 'data: {"id":"gen-000001","created":1793517719,"model":"m"}\n\ndata: {"id"',
    }.get(name, f"{line}\n{line[:40]}")
    stream = "infron/responses" if name == "a.sse" else "infron/logs"
    desk.land(content.encode("utf-16") + b"\x41", name=name, stream=stream)
    desk.run()
    assert desk.record()["events"] == 1
    assert desk.record()["rejects"] == 1


def test_a_cut_archive_of_utf_16_keeps_its_whole_lines(desk, call):
    content = gzip.compress("".join(json.dumps(call(n)) + "\n" for n in range(1, 200)).encode("utf-16"), 1)
    desk.land(content[: len(content) // 2], name="a.ndjson.gz")
    desk.run()
    reasons = list(desk.reasons().values())
    assert desk.record()["events"] > 20
    assert reasons[-1] == "truncated_archive"
    assert len(reasons) <= 2


def test_a_list_cut_in_its_archive_keeps_its_whole_records(desk, call):
    content = gzip.compress(json.dumps([call(n) for n in range(1, 200)], indent=1).encode(), 1)
    desk.land(content[: len(content) // 2], name="a.json.gz")
    desk.run()
    assert desk.record()["events"] > 20
    assert list(desk.reasons().values()) == ["truncated_archive"]


def test_a_name_that_cannot_be_read_reports_what_can(desk, call):
    desk.land([call(1)], name="a.xlsx")
    desk.run()
    [reject] = desk.rejects()
    assert reject["detail"] == (
        "The file's name does not end in a suffix this stream can read: infron/logs reads .ndjson, .jsonl, .json"
        " (objects, one a line or over many, or lists of them); .csv, .tsv (a header line, cells parted by , ; | or"
        " tab); .txt or .log with any of these; each plain, .gz or .zst."
    )


@pytest.mark.parametrize(
    ("connector", "stream"), [(d.name, s) for d in CONNECTORS.values() for s in d.stream_names()]
)
def test_every_stream_names_the_shapes_it_reads(connector, stream):
    sentence = CONNECTORS[connector].reads(stream)
    assert sentence.startswith(f"{connector}/{stream} reads .")
    assert len(sentence) < 300
