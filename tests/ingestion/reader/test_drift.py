"""A gateway that changes its format: new fields are kept and reported, lost and retyped ones are named."""

from __future__ import annotations

import json

import pytest


def test_a_new_field_is_kept_as_it_was_written_whatever_the_way(desk, call):
    line = call(1, region="eu", score=1.10, nested={"b": [1, 2.50], "a": None}, nothing=None)
    desk.land([line])
    desk.land([line, "broken"], name="b.ndjson")
    desk.run()
    bulk, careful = (row["extra"] for row in desk.rows())
    assert bulk == careful == '{"nested":{"b":[1,2.5],"a":null},"region":"eu","score":1.1}'
    assert set(desk.records()[0]["unknown_fields"]) >= {"region", "score", "nothing"}


@pytest.mark.parametrize("first", [150, 400])
def test_a_new_field_is_kept_from_whichever_line_it_begins_on(desk, call, first):
    desk.land([call(n, **({"region": "eu"} if n >= first else {})) for n in range(1, 421)])
    desk.run()
    kept = {row["request_id"]: row["extra"] for row in desk.rows()}
    assert list(kept.values()) == [None] * (first - 1) + ['{"region":"eu"}'] * (421 - first)
    assert "region" in desk.records()[0]["unknown_fields"]


@pytest.mark.parametrize("neighbour", [[], ["broken"]])
def test_a_declared_field_that_one_line_far_inside_has_is_read(desk, call, neighbour):
    """Nobody looks at line 1501 of 3000 before the file is read, so its fallback field is not expected."""
    lines = [call(n) for n in range(1, 3001)]
    lines[1500]["service_tier"] = "flex"
    desk.land([*lines, *neighbour])
    desk.run()
    assert [row["service_tier"] for row in desk.rows()].count("flex") == 1
    assert desk.rows()[1500]["service_tier"] == "flex"


def test_a_line_without_new_fields_has_none(desk, call):
    desk.land([call(1, region="eu"), call(2)])
    desk.run()
    assert [row["extra"] for row in desk.rows()] == ['{"region":"eu"}', None]


@pytest.mark.parametrize("neighbour", [[], ["broken"]])
def test_content_and_secrets_are_never_kept(desk, call, neighbour):
    line = call(
        1, messages=[{"content": "tell"}], input="tell", Text="tell", token="Bearer abc.def", k="sk-abcdefgh"
    )
    desk.land([line, *neighbour])
    desk.run()
    assert desk.rows()[0]["extra"] == '{"k":"[secret]","token":"[secret]"}'


@pytest.mark.parametrize("neighbour", [[], ["broken"]])
def test_a_long_value_is_cut_and_many_fields_are_not_drift(desk, call, neighbour):
    desk.land([call(1, **{f"field_{n:02}": "x" * 500 for n in range(30)}), *neighbour])
    desk.run()
    extra = json.loads(desk.rows()[0]["extra"])
    assert len(extra) == 20
    assert set(extra.values()) == {'"' + "x" * 299}


@pytest.mark.parametrize(
    ("old", "new", "reason", "note"),
    [
        ('"request_id"', '"call_id"', "missing_field", "field_vanished: request_id"),
        (
            '"prompt_tokens": 5124',
            '"prompt_tokens": "many"',
            "wrong_type",
            "field_retyped: usage.prompt_tokens",
        ),
        ('"2026-11-01T07:21:59.391Z"', "1793517719", "wrong_type", "field_retyped: created_at"),
    ],
)
def test_a_field_at_fault_in_every_line_is_a_note_on_the_file(desk, call, old, new, reason, note):
    desk.land([json.dumps(call(n)).replace(old, new) for n in (1, 2, 3)] + ["", "broken"])
    desk.run()
    assert desk.reasons() == {1: reason, 2: reason, 3: reason, 5: "malformed_json"}
    assert desk.record()["notes"] == [note]


def test_one_line_with_the_field_makes_it_an_accident(desk, call):
    lost = [{k: v for k, v in call(n).items() if k != "model"} for n in (1, 2)]
    desk.land([*lost, call(3)])
    desk.run()
    assert desk.reasons() == {1: "missing_field", 2: "missing_field"}
    assert desk.record()["notes"] == []


@pytest.mark.parametrize(
    ("other", "field", "reason"),
    [
        ('{"model_ratio": 1.5', "other", "malformed_json"),
        ("[1", "other", "malformed_json"),
        ("no json", "other", "malformed_json"),
        ('{"model_ratio": 1.5, "model_ratio": 2}', "other.model_ratio", "duplicate_key"),
        ('{"model_ratio": true}', "other.model_ratio", "wrong_type"),
        ('{"model_ratio": "x"}', "other.model_ratio", "wrong_type"),
        ('{"cache_tokens": 5.5}', "other.cache_tokens", "wrong_type"),
        ('{"admin_info": 5}', "other.admin_info", "wrong_type"),
    ],
)
def test_a_fault_in_json_within_a_text_rejects_its_line_and_names_the_field(desk, other, field, reason):
    def item(number, other):
        return {
            "id": number,
            "created_at": 1793517719,
            "type": 2,
            "model_name": "m",
            "quota": 5,
            "other": other,
        }

    good = '{"model_ratio": 1.5, "new": 1}'
    desk.land(
        [item(1, good), item(2, other), item(3, ""), item(4, None), item(5, good)], stream="new_api/logs"
    )
    desk.run()
    assert desk.reasons() == {2: reason}
    assert field in desk.rejects()[0]["detail"]
    assert [row["raw_line"] for row in desk.rows("new_api_logs")] == [1, 3, 4, 5]


@pytest.mark.parametrize("neighbour", [[], ["broken"]])
def test_a_field_that_differs_from_another_in_case_only_changes_nothing_and_is_reported(
    desk, call, neighbour
):
    renamed = call(2)
    renamed["Created_at"] = renamed.pop("created_at")
    desk.land([call(1, Created_at="never", Model=5, region="eu", Region="us"), renamed, call(3), *neighbour])
    desk.run()
    first, third = desk.rows()
    assert (first["extra"], third["extra"]) == ('{"Region":"us"}', None)
    assert [row["created_at"] for row in (first, third)] == [row["occurred_at"] for row in (first, third)]
    assert [reject["reason"] for reject in desk.rejects()][:1] == ["missing_field"]
    assert {"Created_at", "Model"} <= set(desk.record()["unknown_fields"])
