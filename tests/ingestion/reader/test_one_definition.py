"""What a line becomes depends on the line alone: read in bulk or carefully, alone or beside others, it is the same.

`alone` is read in bulk where the line is clean; `beside_broken` never is, because every other line is none.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.connectors import CONNECTORS
from ingestion.reader.formats import csv_file, ndjson
from ingestion.reader.parts import PARQUET
from ingestion.reader.sql import Layout, Reading
from ingestion.streams import (
    CSV,
    EPOCH,
    FLAG,
    ID,
    INTEGER,
    MONEY,
    RATIO,
    TEXT,
    TIME,
    TOKENS,
    Field,
    Kind,
    Stream,
)
from tests.ingestion.reader.read_alone import BROKEN, beside_broken, together

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"

#: JSON values of any kind, good and bad.
ANY = [
    *("1", "0", "-0", "1.0", "5e3", "5.5", "-1", "1e22", "10000000000000000000.0", "1e400", "1.50"),
    *(
        "true",
        "false",
        "NaN",
        "nan",
        "-Infinity",
        "null",
        "{}",
        "[]",
        '{"a": 1.50, "b":1e22,"a":2}',
        "[1, 2,]",
    ),
    *('""', '" "', '"1"', '"1e3"', '" 1 "', '"1_000"', '"true"', '"NaN"', '"abc"', "[" * 150 + "]" * 150),
    *(r'"a\u0000b"', r'"\ud83d\ude00\/"', r'"\ud83d"', "01", ".5", "tru"),
]
#: What matters to one kind only.
OWN = {
    "text": ['"Infinity"', "0.000001", "123456789012345678901234567890"],
    "key": ['"sk-abcdefghijklmnopqrstuv"'],
    "flag": ['"TRUE"', '"t"', '"yes"', '"on"', '"0"', "2"],
    "integer": [
        "0.000001",
        "12.0000000001",
        "9223372036854775807",
        "9223372036854775808",
        '"+1"',
        '"01"',
        '"0x10"',
    ],
    "tokens": ["0.000001", "12.00000000000000000000001", "1000000000", '"1,000"', "1e-30"],
    "money": ["0.0000000000005", "99999.999999999999", "100000.5", "1e-70", '"0.3"'],
    "ratio": ["0.9", "1000001", '"0.12345678950000000000000000001"'],
    "time": [
        *(
            '"2026-11-01T00:00:00Z"',
            '"2026-11-01t00:00:00z"',
            '"2026-11-01"',
            '"2026-11-25"',
            '"2026-11-01 07:00"',
        ),
        *('"2026-11-01T00:00:00+99:00"', '"2026-11-01T00:00:00+15:59"', '"2026-11-01T00:00:00-14:00"'),
        *('"2026-11-01T00:00:00+14:30"', '"2026-11-01T23:59:60Z"', '"2026-11-01T23:59:60+00:00"', '"epoch"'),
        *('"infinity"', '"2026-11-01 00:00:00 Europe/London"', '"2026-13-01"', "1793517719"),
    ],
    "epoch": ["1793517719", "1793517719.904344", '"1793517719"', "1793517719000"],
}
KINDS: dict[str, Kind] = {
    "text": TEXT,
    "key": ID,
    "flag": FLAG,
    "integer": INTEGER,
    "tokens": TOKENS,
    "money": MONEY,
    "ratio": RATIO,
    "time": TIME,
    "epoch": EPOCH,
}


def stream_of(kind: Kind, path: str, **form: object) -> Stream:
    """A stream of an id and one value."""
    fields = (Field("id", TEXT, "id", mandatory=True), Field(path, kind, "value"))
    return Stream("x", "x", fields, ("id", "value"), **form)


def alone(stream: Stream, lines: list[bytes], monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what becomes of lines that each are a stretch of their own, read in bulk if that takes them."""
    with monkeypatch.context() as patch:
        patch.setattr(ndjson, "CAREFUL_BYTES", 1)
        patch.setattr(ndjson, "PIECES", 1 << 30)
        # The broken line makes sure that the file is cut.
        return together(stream, [*lines, BROKEN])[:-1]


@pytest.mark.parametrize("name", KINDS)
def test_a_json_value_is_the_same_in_bulk_and_carefully(name, monkeypatch):
    stream = stream_of(KINDS[name], "a.v")
    lines = [f'{{"id":"x","a":{{"v":{value}}}}}'.encode() for value in ANY + OWN[name]]
    assert alone(stream, lines, monkeypatch) == beside_broken(stream, lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_value_in_an_embedded_text_is_the_same_in_bulk_and_carefully(name, monkeypatch):
    stream = stream_of(KINDS[name], "other.v", embedded=("other",))
    texts = [f'{{"v":{value}}}' for value in ANY + OWN[name]]
    lines = [f'{{"id":"x","other":{json.dumps(text)}}}'.encode() for text in texts]
    assert alone(stream, lines, monkeypatch) == beside_broken(stream, lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_cell_is_the_same_in_bulk_and_carefully(name, monkeypatch):
    stream = stream_of(KINDS[name], "v", format=CSV)
    head, lines = [b"id,v,new"], []
    # As long as the header, so that each is a stretch of its own.
    monkeypatch.setattr(csv_file, "CAREFUL_BYTES", len(head[0]) + 1)
    for value in ANY + OWN[name]:
        try:
            cell = json.loads(value)
        except ValueError:
            cell = value
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(
            ["x" * 10, cell if isinstance(cell, str) else value, value]
        )
        lines.append(line.getvalue().encode("utf-8", "replace"))
    assert together(stream, [*lines, BROKEN], head)[:-1] == beside_broken(stream, lines, head)


@pytest.mark.parametrize("place", ["new", "dropped", "a", "a.new", "id"])
def test_undeclared_fields_are_the_same_in_bulk_and_carefully(place, monkeypatch):
    stream = stream_of(TOKENS, "a.v", dropped=("dropped",))
    *folders, leaf = place.split(".")
    lines = []
    for value in [*ANY, *OWN["text"], '{"deep":' * 2000 + "1" + "}" * 2000, f'"{"x" * 400}"', '"Bearer abc"']:
        text = f'"{leaf}":{value}'
        for folder in folders:
            text = f'"{folder}":{{{text}}}'
        lines.append((f"{{{text}}}" if place == "id" else f'{{{text},"id":1}}').encode())
    assert alone(stream, lines, monkeypatch) == beside_broken(stream, lines)


#: Lists of counts by kind of content, good and bad, and what becomes of them: a reason, or (audio, image) tokens.
PARTS = {
    "null": (0, 0),
    "[]": (0, 0),
    '[{"modality":"AUDIO","tokenCount":9}]': (9, 0),
    '[{"modality":"audio","tokenCount":"9"},{"modality":"IMAGE","tokenCount":9.0}]': (9, 9),
    '[{"modality":"AUDIO","tokenCount":4},{"modality":"AUDIO","tokenCount":5}]': (9, 0),
    '[{"modality":"AUDIO","tokenCount":null},{"modality":null,"tokenCount":5},{"modality":"IMAGE"},{}]': (
        0,
        0,
    ),
    '[{"modality":"AUDIO","tokenCount":9,"new":[{"deep":null}]}]': (9, 0),
    '[{"modality":"SMELL","tokenCount":9}]': (0, 0),
    '[{"modality":["AUDIO"],"tokenCount":9}]': (0, 0),
    '[{"modality":"AUDIO","tokenCount":-9}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":9.5}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":1e1}]': (10, 0),
    '[{"modality":"AUDIO","tokenCount":1e400}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":99999999999999999999999999}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":1000000000}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":true}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":[9]}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":{"n":9}}]': "wrong_type",
    '[{"modality":"AUDIO","tokenCount":"nine"}]': "wrong_type",
    "[null]": "wrong_type",
    '[[{"modality":"AUDIO","tokenCount":9}]]': "wrong_type",
    '[9, "AUDIO"]': "wrong_type",
    '{"modality":"AUDIO","tokenCount":9}': "wrong_type",
    '"AUDIO"': "wrong_type",
    '"[]"': (0, 0),
    "9": "wrong_type",
    "true": "wrong_type",
    '[{"modality":"AUDIO","tokenCount":9,"tokenCount":8}]': (9, 0),
    "[{": "malformed_json",
    "[" * 150 + "]" * 150: "wrong_type",
}
GEMINI_RESPONSE = (
    '{"id":"r","created":1793517719,"model":"m","usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":1,'
    '"totalTokenCount":21,"promptTokensDetails":LIST}}'
)


def test_a_damaged_list_of_counts_is_a_row_or_a_reject_by_its_line_alone(monkeypatch):
    stream = CONNECTORS["infron"].stream("responses", "a.ndjson")
    lines = [GEMINI_RESPONSE.replace("LIST", value).encode() for value in PARTS]
    found = alone(stream, lines, monkeypatch)
    assert found == beside_broken(stream, lines)
    for (value, expected), became in zip(PARTS.items(), found, strict=True):
        if isinstance(expected, str):
            assert became[0] == expected, value
        else:
            assert (became["input_audio_tokens"], became["input_image_tokens"]) == expected, value
            assert became["input_tokens"] == 20, value


def test_a_count_that_one_line_of_a_stretch_has_is_the_same_beside_others_that_have_it(monkeypatch):
    """What no line of a stretch has is left out of its statement; an object in the place of a count is there."""
    stream = CONNECTORS["infron"].stream("responses", "a.ndjson")
    line = '{"id":"r","created":1793517719,"usage":{"prompt_tokens":20,"prompt_tokens_details":{"cached_tokens":7}}}'
    values = ["7", "{}", '{"a":1}', "[]", "null", "true"]
    lines = [line.replace("7}", f"{value}}}").encode() for value in values]
    expected = beside_broken(stream, lines)
    assert [beside_broken(stream, [one])[0] for one in lines] == expected
    assert alone(stream, lines, monkeypatch) == expected


#: Hand-written lines of every kind of gateway, as delivered.
CORPORA = {
    "infron/logs.ndjson": "infron/logs.ndjson",
    "infron/logs.csv": "infron/logs.csv",
    "new_api/logs.ndjson": "new_api/contract_sample.ndjson",
    "tokenopen/logs.csv": "new_api/console.csv",
    "infery/usage.csv": "infery/usage.csv",
    "infery/requests.ndjson": "infery/requests.ndjson",
    "litellm/logs.ndjson": "litellm_payloads.ndjson",
    "litellm/spend_logs.ndjson": "litellm/spend_logs.ndjson",
    "openrouter/generations.ndjson": "openrouter/generations.ndjson",
}


def corpus(name: str) -> tuple[Stream, list[bytes], list[bytes]]:
    """Return a stream, the header if its files have one, and lines of it."""
    connector, file = name.split("/")
    lines = (FIXTURES / CORPORA[name]).read_bytes().splitlines()
    heads = 1 if file.endswith(".csv") else 0
    return CONNECTORS[connector].stream(file.split(".")[0], file), lines[:heads], lines[heads:]


@pytest.mark.parametrize("name", CORPORA)
def test_a_line_is_the_same_in_every_file(name):
    """Beside broken lines, beside good ones, the other way round, far beyond the lines looked at, and compressed."""
    stream, head, lines = corpus(name)
    expected = beside_broken(stream, lines, head)
    assert together(stream, lines, head) == expected
    assert together(stream, lines[::-1], head)[::-1] == expected
    assert together(stream, lines, head, archive=".gz") == expected
    rare = json.dumps({**json.loads(lines[0]), "rare": 1}).encode() if not head else lines[0]
    many = [*[lines[0]] * 1500, rare, *lines, *[lines[0]] * 1500]
    found = together(stream, many, head)
    assert found[1501:-1500] == expected
    assert found[1500] == beside_broken(stream, [rare], head)[0]


_VALUE = re.compile(rb'(?<=:)\s*(?:"(?:[^"\\]|\\.)*"|[^\s,{}\[\]"]+)')


@pytest.mark.parametrize("name", [name for name in CORPORA if name.endswith("ndjson")])
@settings(deadline=None, max_examples=2, database=None)
@given(data=st.data())
def test_a_line_with_another_value_is_the_same_in_bulk_and_carefully(name, data):
    stream, _, lines = corpus(name)
    changed = []
    for _ in range(3):
        line = data.draw(st.sampled_from(lines))
        value = data.draw(st.sampled_from(list(_VALUE.finditer(line))))
        new = data.draw(st.sampled_from([*ANY, *(one for own in OWN.values() for one in own)])).encode()
        changed.append(line[: value.start()] + new + line[value.end() :])
    assert [together(stream, [line])[0] for line in changed] == beside_broken(stream, changed)


STREAMS = {
    f"{connector.name}/{stream.name}/{stream.format.name}": stream
    for connector in CONNECTORS.values()
    for stream in connector.streams
}


@pytest.mark.parametrize("as_expected", [True, False])
@pytest.mark.parametrize("name", STREAMS)
def test_a_bulk_read_keeps_the_order_of_lines_on_every_thread(name, as_expected, tmp_path):
    """A row without a line number has the line of its position; DuckDB does not keep the order through a join."""
    stream, file = STREAMS[name], tmp_path / "empty"
    file.touch()
    names = tuple(dict.fromkeys(stream.keys(field)[0] for field in stream.fields))
    statement = Reading(stream, "UTC", "s", "f", date(2026, 11, 1)).bulk(
        file, Layout(header=names, titles=names), as_expected=as_expected
    )
    with duckdb.connect() as session:
        [(_, plan)] = session.execute(
            f"explain (format json) copy ({statement}) to '{tmp_path / 'rows'}' ({PARQUET})"
        ).fetchall()
    assert (
        {"BATCH_COPY_TO_FILE"}
        <= set(re.findall(r'"name": "([A-Z_]+)"', plan))
        <= {
            *("BATCH_COPY_TO_FILE", "PROJECTION", "FILTER", "READ_JSON", "READ_CSV", "UNNEST"),
        }
    )
