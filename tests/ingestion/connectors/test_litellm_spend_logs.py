"""Rows of LiteLLM_SpendLogs: JSON inside strings, booleans as words, times without a zone, null prices."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "litellm" / "spend_logs.ndjson"
LINEAGE = ("raw_file", "raw_line", "first_line", "extra")


@pytest.fixture
def rows(desk):
    """Rows of the hand-written file, by id."""
    desk.land(FIXTURE.read_bytes(), stream="litellm/spend_logs")
    desk.run()
    assert desk.rejects() == []
    assert desk.record()["unknown_fields"] == []
    return {row["request_id"]: row for row in desk.rows("litellm_spend_logs")}


def test_metadata_in_a_string_is_read_as_the_object_it_is(rows):
    row = rows["chatcmpl-01"]
    names = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "reasoning_tokens")
    assert [row[name] for name in names] == [6000, 1000, 0, 100]
    assert (row["api_key_alias"], row["attempted_fallbacks"], row["org_id"]) == ("prod-web", 1, "org_1")
    assert row["breakdown_total_cost"] == Decimal("0.02205")


def test_a_time_without_a_zone_is_utc(rows):
    assert rows["chatcmpl-01"]["occurred_at"] == datetime(2026, 11, 1, 8, 52, 59, 904000)


def test_a_cache_hit_is_a_word_and_its_metadata_may_be_empty(rows):
    row = rows["chatcmpl-01_cache_hit1793523200.5"]
    assert (row["cache_hit_text"], row["cache_read_tokens"], row["litellm_call_id"]) == ("True", 0, "call-02")


def test_no_price_is_null_and_not_nothing(rows):
    assert (rows["chatcmpl-03"]["spend"], rows["call-04"]["spend"]) == (None, Decimal(0))
    assert rows["chatcmpl-03"]["litellm_call_id"] == "call-03"


def test_a_failure_says_why(rows):
    row = rows["call-04"]
    assert (row["status"], row["error_code"], row["error_class"]) == ("failure", "429", "RateLimitError")


def test_metadata_that_is_no_json_rejects_its_row_only(desk):
    good = json.loads(FIXTURE.read_text().splitlines()[2])
    desk.land([{**good, "request_id": "bad", "metadata": "{"}, good], stream="litellm/spend_logs")
    desk.run()
    assert desk.reasons() == {1: "malformed_json"}
    assert [row["request_id"] for row in desk.rows("litellm_spend_logs")] == ["chatcmpl-03"]


def _plain(rows):
    return [{name: value for name, value in row.items() if name not in LINEAGE} for row in rows]


def test_a_csv_dump_and_pages_of_the_api_give_the_same_rows(desk):
    records = [json.loads(line) for line in FIXTURE.read_text().splitlines()]
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(records)
    page = {"data": records, "total": 4, "page": 1, "page_size": 100, "total_pages": 1}
    desk.land(FIXTURE.read_bytes(), stream="litellm/spend_logs")
    desk.run()
    from_lines = _plain(desk.rows("litellm_spend_logs"))
    desk.land(text.getvalue().encode(), name="b.csv", stream="litellm/spend_logs")
    desk.land(json.dumps(page).encode(), name="c.json", stream="litellm/spend_logs_api")
    desk.run()
    assert desk.rejects() == []
    assert _plain(desk.rows("litellm_spend_logs")) == from_lines * 2
    assert _plain(desk.rows("litellm_spend_logs_api")) == from_lines


@pytest.mark.shared_data
def test_real_rows_have_the_sums_of_the_oracle(desk, shared_data):
    oracle = json.loads((shared_data / "litellm" / "oracle.json").read_text())["spend_logs"]
    folder = desk.home.landing / "litellm/spend_logs/dt=2026-11-20"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / "spend_logs.ndjson.gz", folder)
    desk.run()
    found = desk.rows("litellm_spend_logs")
    assert desk.rejects() == []
    assert desk.record()["unknown_fields"] == []
    assert len(found) == oracle["rows"]
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert sum(row[name] for row in found) == oracle[name]
    assert sum(row["spend"] or 0 for row in found) == Decimal(oracle["spend_12dp"])
    assert len([row for row in found if row["spend"] is None]) == oracle["spend_null_rows"]
    hits = dict.fromkeys(oracle["cache_hit_values"], 0)
    for row in found:
        hits[row["cache_hit_text"]] += 1
    assert hits == oracle["cache_hit_values"]


def test_a_billed_retry_and_a_silent_copy_are_calls_of_their_own(desk, rows):
    """Both cost what they say; the address of the caller's owner stays in landing, and nothing is new."""
    first = json.loads(FIXTURE.read_text().splitlines()[0])
    marks = {
        "billed_retry_attempt": True,
        "is_silent_experiment": True,
        "user_api_key_user_email": "ann@x.io",
    }
    metadata = {**json.loads(first["metadata"]), **marks}
    retry = {**first, "request_id": f"{first['request_id']}-attempt-1", "metadata": json.dumps(metadata)}
    desk.land([first, retry], name="retry.ndjson", stream="litellm/spend_logs")
    desk.run()
    assert {name for content in desk.records() for name in content["unknown_fields"]} == set()
    spent = [row["spend"] for row in desk.rows("litellm_spend_logs") if row["raw_file"].count("retry")]
    assert spent == [rows["chatcmpl-01"]["spend"]] * 2
    assert "ann@x.io" not in str(desk.rows("litellm_spend_logs"))


def test_metadata_of_a_page_is_an_object(desk):
    """As `/spend/logs/v2` of LiteLLM 1.110.2 answers; the table holds it as text."""
    first = json.loads(FIXTURE.read_text().splitlines()[0])
    pages = {
        "text": {"data": [first], "total": 1},
        "object": {"data": [{**first, "metadata": json.loads(first["metadata"])}], "total": 1},
    }
    for name, page in pages.items():
        desk.land(json.dumps(page).encode(), name=f"{name}.json", stream="litellm/spend_logs_api")
    desk.run()
    assert desk.rejects() == []
    assert {name for content in desk.records() for name in content["unknown_fields"]} == set()
    text, as_object = (
        {key: value for key, value in row.items() if key not in LINEAGE}
        for row in desk.rows("litellm_spend_logs_api")
    )
    assert text == as_object
    assert as_object["cache_read_tokens"] == 6000
