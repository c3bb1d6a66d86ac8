"""API bodies: their records become rows in order, and a body that is no page is one reject."""

from __future__ import annotations

import json

import pytest

from ingestion.reader.formats import json_pages
from ingestion.streams import json_pages as pages


def found(body: str, *form, **around) -> list[str]:
    return json_pages.records(body, pages(*form, **around))


def test_records_are_cut_out_by_the_letter():
    body = '{"data": {"items": [ {"a": 1.10, "a": 2},\n {"b": 1e400} ], "total": 2}, "success": true}'
    assert found(body, "data.items") == ['{"a": 1.10, "a": 2}', '{"b": 1e400}']


@pytest.mark.parametrize(
    ("body", "form", "expected"),
    [
        ('{"data": [1, {}]}', ("data.items", ("data",)), ["1", "{}"]),
        ('{"data": {"items": null}}', ("data.items",), []),
        ('{"data": []}', ("data",), []),
        ('{"data": {"quota_per_unit": 5}}', ("data",), ['{"quota_per_unit": 5}']),
        ('{"error": null, "data": [{}]}', ("data",), ["{}"]),
    ],
)
def test_records_are_found_where_servers_put_them(body, form, expected):
    assert found(body, *form) == expected


def test_a_record_takes_along_what_stands_around_it():
    body = '{"by": "key", "data": [{"start": 1, "results": [{"n": 1}, {}]}, {"start": 2, "results": []}]}'
    assert found(body, "data.results", around=("by", "start", "absent")) == [
        '{"page":{"by":"key","start":1},"n": 1}',
        '{"page":{"by":"key","start":1}}',
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_page"),
        (b" \n", "empty_page"),
        (b"<html>502</html>", "malformed_page"),
        (b"<html>\n<b>502</b>\n</html>\n", "malformed_page"),
        (b'{"data": {"items": [{"a": 1}, {"a"', "malformed_page"),
        (b'{"data": {"items": []}} trailing', "malformed_page"),
        (b'{"data": {"items": [{"a": "\xff', "malformed_page"),
        (b'{"success": false, "message": "token expired"}', "refused_by_api"),
        (b'{"success": false, "data": {"items": []}}', "refused_by_api"),
        (b'{"error": {"code": 401}}', "refused_by_api"),
        (b'{"rows": []}', "no_records"),
        (b"5", "no_records"),
        (b"[" * 100_000, "malformed_page"),
    ],
)
def test_a_body_that_is_not_a_page_reports_why(desk, body, reason):
    desk.land(body, name="a.json", stream="new_api/logs")
    desk.run()
    assert desk.reasons() == {1: reason}
    assert desk.record()["lines"] == 1


def test_a_page_lands_with_the_place_of_each_record_as_its_line(desk):
    items = [{"id": n, "created_at": 1793517719, "type": 2, "model_name": "m", "quota": n} for n in (1, 2, 3)]
    items[1]["created_at"] = "soon"
    desk.land([json.dumps({"data": {"items": items}}, indent=1)], name="p.json", stream="new_api/logs")
    desk.run()
    assert [row["raw_line"] for row in desk.rows("new_api_logs")] == [1, 3]
    assert desk.reasons() == {2: "invalid_time"}
    assert desk.record()["lines"] == 3


def test_a_refused_page_is_one_reject_and_an_empty_one_is_noted(desk):
    desk.land([json.dumps({"success": False, "message": "no"})], name="a.json", stream="new_api/logs")
    desk.land([json.dumps({"data": {"items": []}})], name="b.json", stream="new_api/logs")
    desk.run()
    assert desk.reasons() == {1: "refused_by_api"}
    assert [(m["lines"], m["notes"]) for m in desk.records()] == [(1, []), (0, ["page_without_records"])]
