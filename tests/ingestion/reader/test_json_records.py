"""JSON in any shape becomes the same records, and what is broken stays where it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.connectors import CONNECTORS
from ingestion.reader.formats import json_records

LOGS = CONNECTORS["infron"].stream("logs")
PAGES = CONNECTORS["new_api"].stream("logs")
RECORDS = [{"id": n, "n": 0.10, "in": {"list": [{"x": n}, {}], "text": 'a {"\\n[,]}'}} for n in range(1, 6)]


def unfolded(text: str | bytes, stream=LOGS, **how):
    """Return (line, record) of what is found, and what else was found."""
    with TemporaryDirectory() as folder:
        plain, target = Path(folder) / "plain", Path(folder) / "target"
        plain.write_bytes(text if isinstance(text, bytes) else text.encode())
        how = {"is_body": False, **how}
        found = json_records.unfold(plain, plain.stat().st_size, target, stream, **how)
        written = target.read_text(errors="surrogateescape")
    lines = [re.sub(r',?"tollbook raw line":\d+}$', "}", line) for line in written.split("\n")]
    records = lines if lines[-1] else lines[:-1]
    assert len(records) == found.lines
    numbers = list(found.numbers) if found.numbers is not None else range(1, found.lines + 1)
    return list(zip(numbers, records, strict=True)), found


def each(records=RECORDS, **style) -> list[str]:
    return [json.dumps(record, **style) for record in records]


SHAPES = {
    "lines": "\n".join(each()),
    "lines with blank ones": "\n\n".join(each()) + "\n \n",
    "list": json.dumps(RECORDS),
    "list, a record a line": "[\n" + ",\n".join(each()) + "\n]\n",
    "list, commas first": "[" + "\n,".join(each()) + "\n]\n",
    "list, comma at its end": "[\n" + ",\n".join(each()) + ",\n]\n",
    "printed list": json.dumps(RECORDS, indent=2),
    "printed list without indents": json.dumps(RECORDS, indent=0),
    "list of printed objects": "[" + ", ".join(each(indent=4)) + "]",
    "printed objects": "\n".join(each(indent=1)),
    "printed objects in a row": "".join(each(indent=1)),
    "two lists": json.dumps(RECORDS[:2]) + "\n" + json.dumps(RECORDS[2:], indent=1),
    "lists and objects": "\n".join(
        [json.dumps(RECORDS[:2]), *each(RECORDS[2:4]), *each(RECORDS[4:], indent=3)]
    ),
    "line breaks of Windows": json.dumps(RECORDS, indent=1).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + json.dumps(RECORDS, indent=1),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", [7, 1 << 20])
def test_every_shape_holds_the_same_records(shape, block, monkeypatch):
    monkeypatch.setattr(json_records, "_BLOCK", block)
    records, found = unfolded(SHAPES[shape])
    assert [json.loads(record) for _, record in records] == RECORDS
    assert all("0.1" in record for _, record in records)
    assert found.faults == []


def test_a_record_has_the_line_it_begins_on():
    text = "[\n" + ",\n".join(each(RECORDS[:2], indent=1)) + ",\n" + each(RECORDS[2:3])[0] + "]"
    lines = text.split("\n")
    records, _ = unfolded(text)
    assert [number for number, _ in records] == [n for n, line in enumerate(lines, 1) if line.startswith("{")]


def test_records_that_share_a_line_are_counted_through():
    records, found = unfolded("[\n" + ",".join(each()) + "]")
    assert found.numbers is None
    assert [number for number, _ in records] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "expected", "faults"),
    [
        pytest.param('[\n{"a":1},\n{"b":2', [(2, '{"a":1}'), (3, '{"b":2')], [], id="cut in a record"),
        pytest.param('[{"a":1},{"b":', [(1, '{"a":1}'), (2, '{"b":')], [], id="cut in a line"),
        pytest.param(
            '[\n{"a":1},\n', [(2, '{"a":1}')], [(3, "truncated_line", "")], id="cut between records"
        ),
        pytest.param(
            '[\n  {\n    "a": 1\n  },\n  {\n    "b": {\n      "c": 2,\n',
            [(2, '{ "a": 1}'), (5, '{ "b": { "c": 2,')],
            [],
            id="cut in a printed record",
        ),
        pytest.param(
            '[\n  {\n    "a": 1\n  },\n  {\n    "b": oops,\n    "c": 2\n  },\n  {\n    "d": 3\n  }\n]\n',
            [(2, '{ "a": 1}'), (5, '{ "b": oops, "c": 2}'), (9, '{ "d": 3}')],
            [],
            id="broken printed record",
        ),
        pytest.param(
            '[{"a":1},{"b":oops},{"c":3}]',
            [(1, '{"a":1}'), (2, '{"b":oops}'), (3, '{"c":3}')],
            [],
            id="in a line",
        ),
        pytest.param(
            '[{"a":1},junk,{"c":3}]', [(1, '{"a":1}'), (2, "junk"), (3, '{"c":3}')], [], id="junk in a line"
        ),
        pytest.param(
            '[\n{"a":1},\njunk\n{"c":3}\n]', [(2, '{"a":1}'), (3, "junk"), (4, '{"c":3}')], [], id="junk"
        ),
        pytest.param(
            '[\n{"a":1},\n,\n{"c":3}\n]',
            [(2, '{"a":1}'), (4, '{"c":3}')],
            [(3, "malformed_json", "")],
            id="gap",
        ),
        pytest.param(
            '[1, "x", null, [{"a":1}]]', [(1, "1"), (1, '"x"'), (1, "null"), (1, '[{"a":1}]')], [], id="none"
        ),
        pytest.param(
            '{"a":1}\n{"b":\n{"c":3}\n', [(1, '{"a":1}'), (2, '{"b":'), (3, '{"c":3}')], [], id="broken line"
        ),
        pytest.param(
            '{"a":1}{"b":2}\n{"c":3}', [(1, '{"a":1}{"b":2}'), (2, '{"c":3}')], [], id="two in a line"
        ),
        pytest.param(
            '{\n "a": oops\n}\n{\n "b": 2\n}\n', [(1, '{ "a": oops}'), (4, '{ "b": 2}')], [], id="printed"
        ),
        pytest.param(
            '{\n "a": "\ufeff"\n}\ufeff\n{"b":2}', [(1, '{ "a": "\ufeff"}'), (4, '{"b":2}')], [], id="marks"
        ),
    ],
)
def test_damage_stays_where_it_is(text, expected, faults):
    records, found = unfolded(text)
    assert records == expected
    assert found.faults == faults


def test_a_list_without_elements_is_a_blank_line():
    records, found = unfolded('[]\n[ ]\n{"a": 1}\n')
    assert (records, found.blank_lines) == ([(3, '{"a": 1}')], 2)


@pytest.mark.parametrize("text", ["[" * 5000, '{"a":' * 5000, '[{"a":[' * 3000 + "\n"])
def test_brackets_without_end_are_records_to_be_rejected(text):
    records, found = unfolded(text)
    assert len(records) + len(found.faults) >= 1


def test_what_is_open_where_the_archive_broke_off_is_no_fault_of_its_own():
    records, found = unfolded('[\n  {\n    "a": 1\n  },\n  {\n    "b": 2,\n', is_cut=True)
    assert (records, found.faults) == ([(2, '{ "a": 1}')], [])


def test_a_line_beyond_all_measure_is_a_fault_and_its_neighbours_are_records(monkeypatch):
    monkeypatch.setattr(json_records, "LONGEST_BODY", 1000)
    monkeypatch.setattr(json_records, "_BLOCK", 100)
    records, found = unfolded('{"a":1}\n{"b":"' + "x" * 5000 + '"\n{"c":3}\n')
    assert (records, found.faults) == ([(1, '{"a":1}'), (3, '{"c":3}')], [(2, "line_too_long", "")])


PAGE = '{"data": {"items": [{"id": 1}, {"id": 2}]}}'


@pytest.mark.parametrize(
    ("text", "is_body", "ids"),
    [
        (PAGE, True, [1, 2]),
        (PAGE, False, [1, 2]),
        (f"{PAGE}\n{PAGE}\n", False, [1, 2, 1, 2]),
        (f"[{PAGE},\n{PAGE}]", True, [1, 2, 1, 2]),
        (json.dumps(json.loads(PAGE), indent=2), True, [1, 2]),
        ('{"id": 3}', True, [3]),
        ('[{"id": 3}, {"id": 4}]', True, [3, 4]),
        ('{"id": 3}\n{"id": 4}\n', False, [3, 4]),
        (f'{{"id": 3}}\n{PAGE}\n{{"id": 4}}', True, [3, 1, 2, 4]),
    ],
)
def test_a_record_stands_in_a_page_or_alone(text, is_body, ids):
    records, found = unfolded(text, PAGES, is_body=is_body)
    assert [json.loads(record)["id"] for _, record in records] == ids
    assert found.faults == []


GOOD = st.builds(lambda n: json.dumps({"a": n, "b": {"c": [{}, "}{"]}}), st.integers(0, 9))
BROKEN = ['{"a":', '{"a":[', '{"a":"x', '{"a":1,', "}{", "bad", "", " ", '{"a":1} {"b":2}', '{"a":[{', ":"]


@settings(deadline=None, max_examples=200, database=None)
@given(
    lines=st.lists(GOOD | st.sampled_from(BROKEN), max_size=12),
    last=st.sampled_from(["", "\n"]),
    block=st.sampled_from([3, 50, 1 << 20]),
)
@example(lines=['{"a":', "}{", "", "}{"], last="", block=3)
def test_a_line_is_what_it_is_whatever_stands_beside_it(lines, last, block):
    """A blank line is counted, or is part of the value around it: the brackets of the example are `{…}` and `{ }`."""
    text = "\n".join(lines) + (last if lines else "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_BLOCK", block)
        records, found = unfolded(text)
    whole = text.removesuffix("\n").split("\n") if text else []
    assert [n for n, _ in records] == [n for n, line in enumerate(whole, 1) if line.strip()]
    assert [(n, record) for n, record in records if whole[n - 1] not in BROKEN] == [
        (n, line) for n, line in enumerate(whole, 1) if line not in BROKEN
    ]
    ends = [*(n for n, _ in records), len(whole) + 1][1:]
    within = sum(
        not line.strip()
        for (n, record), end in zip(records, ends, strict=True)
        if record not in whole[n - 1]
        for line in whole[n : end - 1]
    )
    assert len(whole) - within <= found.lines + found.blank_lines <= len(whole)
    assert found.faults == []
