"""No value that a file can hold stops a night: it is a number of the books, or a reject of its line."""

from __future__ import annotations

import copy
import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import project
from ingestion import load_records
from ingestion.connectors import CONNECTORS, Stream
from ingestion.home import Home
from ingestion.reader.strict_json import value_in
from ingestion.streams import Field
from tests.dbt.conftest import ingest, rows

FIXTURES = Path(__file__).parents[1] / "fixtures"
DAY = "dt=2026-11-02"
UGLY = "a'b\"c\\; drop table x --{{ 1 / 0 }}\u202e\U0001f600=1+1"
NO_NUMBERS = ("NaN", "-inf", "1e400", "")
NO_TIMES = ("infinity", "-infinity", "0000-00-00", "9999999-12-31")
IDS = ("id", "request_id", "x-request-id", "invoice_id", "Request ID")
#: Files of the same connector differ in records, not in fields: one of each is enough.
FILES = {
    "anthropic": {"usage": "usage.json", "costs": "costs.json"},
    "aisa": {
        "logs": "streams.ndjson page.json",
        "topups": "topups.ndjson",
        "data": "hours.json",
        "status": "status.json",
    },
    "tokenopen": {"logs": "console.csv"},
    "infery": {
        "usage": "usage.csv",
        "usage_api": "usage_api.json",
        "usage_api_grouped": "usage_api_grouped.json",
        **{name: f"{name}.ndjson" for name in ("requests", "headers", "plans", "invoices")},
    },
    "infron": {"logs": "logs.ndjson logs.csv", "responses": "responses.ndjson"},
    "litellm": {"logs": "../litellm_payloads.ndjson", "spend_logs": "spend_logs.ndjson"},
    "openai": {"usage": "usage.json", "costs": "costs.json"},
    "openrouter": {"generations": "generations.ndjson", "activity": "activity.json"},
}


def extremes(field: Field) -> list[Any]:
    """The largest values of a field's kind, those beyond, and what looks like SQL, a template or a formula."""
    kind = field.kind
    match kind.name:
        case "integer":
            most = kind.limit or 2**53
            return [most, -most, most + 1, 2**63 - 1, -(2**63), *NO_NUMBERS]
        case "tokens":
            return [kind.limit, kind.limit + 1, -1, *NO_NUMBERS]
        case "decimal":
            digits, scale = map(int, re.findall(r"\d+", kind.sql_type))
            most = kind.limit or 10 ** (digits - scale) - 1
            widest = 10 ** (digits - scale) - 1
            return [most, -most, widest, -widest, 10.0**-scale, 1e300, *NO_NUMBERS]
        case "time":
            return ["2015-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z", *NO_TIMES]
        case "epoch":
            return [seconds * kind.per_second for seconds in (1420070400, 4102444799, 2**53)]
        case "flag":
            return [True, False, *NO_NUMBERS]
    # A text may be read as a number or a time.
    return [UGLY, "x" * 5000, "", "1e300 ms", "-1.5", "9" * 40, *NO_NUMBERS, *NO_TIMES]


def put(record: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Set what keys lead to."""
    *folders, leaf = keys
    for folder in folders:
        if not isinstance(record.get(folder), dict):
            record[folder] = {}
        record = record[folder]
    record[leaf] = value


def damaged(stream: Stream, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies of a record, each a call of its own with one extreme value, or without one."""
    number = itertools.count(10_000_000)
    for field in stream.fields:
        if field.path.startswith("page."):
            continue
        for value in (*extremes(field), None):
            copied = copy.deepcopy(record)
            for key in stream.embedded:
                if isinstance(copied.get(key), str):
                    copied[key] = json.loads(copied[key] or "{}")
            for other in (other.path for other in stream.fields if other.path.split(".")[-1] in IDS):
                found = value_in(copied, tuple(other.split(".")))
                if found is not None:
                    put(
                        copied, tuple(other.split(".")), type(found)(next(number))
                    )  # an id stays text or number
            put(copied, tuple(field.path.split(".")), value)
            for key in stream.embedded:
                if isinstance(copied.get(key), dict):
                    copied[key] = json.dumps(copied[key])
            yield copied


def page(stream: Stream, body: Any) -> str:
    """A body whose innermost list of records ends with the damaged copies of its first."""
    records = body
    for key in filter(None, stream.format.records.split(".")):
        while isinstance(records, list):
            records = records[0]
        records = records[key]
    if isinstance(records, list):
        records.extend(list(damaged(stream, records[0])))
    return json.dumps(body)


def table(stream: Stream, text: str) -> str:
    """A CSV file that ends with the damaged copies of its first record."""
    header, *records = csv.reader(io.StringIO(text))
    titles = {title.strip().casefold(): place for place, title in enumerate(header)}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([header, *records])
    number = itertools.count(10_000_000)
    for field in stream.fields:
        place = next(
            (titles[t.casefold()] for t in (field.path, *field.aliases) if t.casefold() in titles), None
        )
        for value in extremes(field) if place is not None else ():
            cells = list(records[0])
            for title in set(titles) & {name.casefold() for name in IDS}:
                cells[titles[title]] = f"csv-{next(number)}"
            cells[place] = str(value)
            writer.writerow(cells)
    return out.getvalue()


def land_extremes(home: Home) -> None:
    """Land a fixture of every stream with each field of a record at each extreme."""
    for name, streams in FILES.items():
        for stream_name, files in streams.items():
            for file in files.split():
                fixture = FIXTURES / {"aisa": "new_api", "tokenopen": "new_api"}.get(name, name) / file
                stream = CONNECTORS[name].stream(stream_name, fixture.name)
                text = fixture.read_text(encoding="utf-8-sig")
                if fixture.suffix == ".json":
                    content = page(stream, json.loads(text))
                elif stream.format.name == "csv":
                    content = table(stream, text)
                else:
                    records = [json.loads(line) for line in text.splitlines()[:2] if line.startswith("{")]
                    copies = [copied for record in records for copied in damaged(stream, record)]
                    content = "".join(json.dumps(record) + "\n" for record in [*records, *copies])
                path = home.landing / name / stream_name / DAY / fixture.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")


def test_no_value_of_any_field_of_any_gateway_stops_the_night(home: Home) -> None:
    """All marts are built and all their tests hold, but those that report what a person should look at."""
    land_extremes(home)
    ingest(home)
    found = [content for _, content in load_records.every(home)]
    assert {content["table"] for content in found if content["rejects"]} >= {"infron_logs", "new_api_logs"}
    assert all(content["events"] for content in found)
    result = build_books(home, project())
    assert not result.broken, result.explain()
    assert rows(home, "select count(*) > 500 from marts.fct_usage_costs") == [(True,)]
