"""A bad line costs its neighbourhood the careful read; what other lines become does not depend on the way."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.reader import careful
from ingestion.reader.formats import ndjson


@pytest.fixture
def small_stretches(monkeypatch):
    """Cut refused files so small that a few lines already pass through every level."""
    monkeypatch.setattr(ndjson, "CAREFUL_BYTES", 1_500)
    monkeypatch.setattr(ndjson, "PIECES", 3)


def records(call, count):
    return [json.dumps(call(n, usage={"cost": n / 1000})) for n in range(1, count + 1)]


@pytest.mark.usefixtures("small_stretches")
@pytest.mark.parametrize(
    "bad", [(), (1,), (60,), (30,), (1, 2, 59, 60), tuple(range(1, 61, 7)), tuple(range(1, 61))]
)
def test_line_numbers_and_rows_are_right_wherever_the_bad_lines_stand(desk, call, bad):
    good = records(call, 60)
    desk.land(["broken" if n in bad else good[n - 1] for n in range(1, 61)])
    desk.run()
    assert desk.reasons() == dict.fromkeys(bad, "malformed_json")
    expected = [(n, f"gen-{n:06}") for n in range(1, 61) if n not in bad]
    assert [(row["raw_line"], row["request_id"]) for row in desk.rows()] == expected


@pytest.mark.usefixtures("small_stretches")
def test_a_bad_line_does_not_send_the_whole_file_the_careful_way(desk, call, monkeypatch):
    seen = []
    read = careful.read_lines

    def counting(sieve, reading, piece, first_line, **where):
        seen.append(piece.read_bytes().count(b"\n"))
        return read(sieve, reading, piece, first_line, **where)

    monkeypatch.setattr(careful, "read_lines", counting)
    good = records(call, 200)
    desk.land([*good[:150], "broken", *good[150:]])
    desk.run()
    assert len(desk.rows()) == 200
    assert sum(seen) < 20


@pytest.mark.usefixtures("small_stretches")
@pytest.mark.parametrize("first", [1, 30, 59])
def test_a_line_longer_than_several_stretches_is_read_once(desk, call, first):
    """Beside its neighbors a line of 20,000 bytes is one stretch, however often that is cut at 1,500."""
    good = records(call, 60)
    good[first] = json.dumps(call(first + 1, usage={"cost": (first + 1) / 1000}, note="x" * 20_000))
    desk.land([*good[:first], "x" * 20_000, *good[first:]])
    desk.run()
    assert desk.reasons() == {first + 1: "malformed_json"}
    assert [row["raw_line"] for row in desk.rows()] == [n for n in range(1, 62) if n != first + 1]


@pytest.mark.usefixtures("small_stretches")
def test_where_bad_lines_stand_changes_no_undamaged_row(desk, call):
    good = records(call, 40)
    bad = ["", "broken", '{"request_id": 1}', json.dumps(call(99, usage={"prompt_tokens": -1})), "[]"]
    seen = []
    for seed in range(3):
        lines = [*good, *bad]
        random.Random(seed).shuffle(lines)
        desk.land(lines)
        desk.run()
        seen.append(
            sorted(
                ({k: v for k, v in row.items() if k != "raw_line"} for row in desk.rows()),
                key=lambda r: r["request_id"],
            )
        )
        assert (desk.record()["rejects"], desk.record()["blank_lines"]) == (3, 2)
    assert len(seen[0]) == 40
    assert all(rows == seen[0] for rows in seen)


@settings(
    deadline=None, max_examples=15, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.usefixtures("small_stretches")
def test_random_damage_never_crashes_never_touches_other_lines_and_always_balances(desk, call, data):
    """Bytes flipped, cut, doubled or inserted within some lines; all other lines stay the rows they were."""
    good = [line.encode() for line in records(call, 12)]
    damaged = data.draw(st.sets(st.integers(0, 11), max_size=4), label="damaged")
    lines = list(good)
    for index in damaged:
        line = bytearray(good[index])
        at = data.draw(st.integers(0, len(line) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "double"])):
            case "flip":
                line[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del line[at:]
            case "insert":
                line[at:at] = data.draw(st.binary(min_size=1, max_size=5))
            case "double":
                line[at:at] = line[max(0, at - 30) : at]
        lines[index] = bytes(line)
    desk.land(b"\n".join(lines) + b"\n")
    desk.run()
    content = desk.record()
    assert content["lines"] == b"\n".join(lines).count(b"\n") + 1
    rows = {row["request_id"]: row for row in desk.rows()}
    for index in set(range(12)) - damaged:
        row = rows[f"gen-{index + 1:06}"]
        assert (row["usage_cost"] * 1000, row["usage_prompt_tokens"]) == (index + 1, 5124)
