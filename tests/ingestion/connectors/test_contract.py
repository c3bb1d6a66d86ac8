"""What every connector owes: names that hold, a table for every stream, and a declaration SQL accepts."""

from __future__ import annotations

import json
import re

import pytest

from ingestion.connectors import CONNECTORS

STREAMS = [
    pytest.param(name, stream, id=f"{name}-{stream.name}")
    for name, connector in CONNECTORS.items()
    for stream in connector.streams
]


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_a_table_is_named_after_its_stream_and_its_connector_or_the_one_it_stems_from(connector, stream):
    names = {f"{name}_{stream.name}{form}" for name in CONNECTORS for form in ("", "_csv")}
    assert stream.table in names or stream.format.marked_by
    assert re.fullmatch(r"[a-z0-9_-]+", stream.name)


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_fields_and_columns_have_names_and_paths_of_their_own(connector, stream):
    names = [field.name for field in stream.fields]
    paths = [field.path for field in stream.fields]
    columns = [name for name, _ in stream.table_columns()]
    for words in (names, paths, columns):
        assert len(words) == len({word.lower() for word in words})
    assert not set(paths) & set(stream.dropped)


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_something_of_a_record_is_mandatory_and_of_an_event_its_time(connector, stream):
    asked = {field.name for field in stream.fields if field.mandatory}
    asked |= {check.field for check in stream.checks if check.reason == "missing_field"}
    assert asked
    if stream.occurred_at:
        assert stream.occurred_at in asked
        assert dict(stream.table_columns())[stream.occurred_at] == "TIMESTAMP"


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_a_record_with_nothing_mandatory_is_rejected_and_does_not_break_the_statement(
    connector, stream, desk
):
    match stream.format.name:
        case "json":
            body: object = [{}, 1]
            for folder in reversed(list(filter(None, stream.format.records.split(".")))):
                body = [{folder: body}]
            desk.land([json.dumps(body)], name="a.json", stream=f"{connector}/{stream.name}")
            expected = ["missing_field", "not_an_object"]
        case "csv":
            header = ",".join(f'"{field.path}"' for field in stream.fields if field.mandatory)
            desk.land(
                [header, '""' + "," * header.count('","')], name="a.csv", stream=f"{connector}/{stream.name}"
            )
            expected = ["missing_field"]
        case _:
            pytest.skip("recorded streams always hold their own kind of chunk")
    desk.run()
    assert sorted(reject["reason"] for reject in desk.rejects()) == expected
