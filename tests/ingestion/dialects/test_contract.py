"""What every dialect owes: names that hold, a table for every stream, and a declaration SQL accepts."""

from __future__ import annotations

import re

import pytest

from ingestion.dialects import DIALECTS

STREAMS = [
    pytest.param(name, stream, id=f"{name}-{stream.name}")
    for name, dialect in DIALECTS.items()
    for stream in dialect.streams
]


@pytest.mark.parametrize(("dialect", "stream"), STREAMS)
def test_a_table_is_named_after_dialect_and_stream(dialect, stream):
    assert stream.table == f"{dialect}_{stream.name}"
    assert re.fullmatch(r"[a-z0-9_-]+", stream.name)


@pytest.mark.parametrize(("dialect", "stream"), STREAMS)
def test_fields_and_columns_have_names_and_paths_of_their_own(dialect, stream):
    names = [field.name for field in stream.fields]
    paths = [field.path for field in stream.fields]
    columns = [name for name, _ in stream.table_columns()]
    for words in (names, paths, columns):
        assert len(words) == len({word.lower() for word in words})
    assert not set(paths) & set(stream.dropped)


@pytest.mark.parametrize(("dialect", "stream"), STREAMS)
def test_a_stream_of_events_has_a_mandatory_time_and_a_mandatory_id(dialect, stream):
    mandatory = {field.name: field for field in stream.fields if field.mandatory}
    assert any(field.kind.name == "text" for field in mandatory.values())
    if stream.occurred_at:
        assert mandatory[stream.occurred_at].kind.sql_type == "TIMESTAMP"


@pytest.mark.parametrize(("dialect", "stream"), STREAMS)
def test_a_line_with_nothing_mandatory_is_rejected_and_does_not_break_the_statement(dialect, stream, desk):
    desk.land(["{}", "[]"], stream=f"{dialect}/{stream.name}")
    desk.run()
    assert desk.reasons() == {1: "missing_field", 2: "not_an_object"}
