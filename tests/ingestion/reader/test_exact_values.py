"""Money, counts and times arrive in raw exactly as written, in bulk or line by line."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import duck
from ingestion.reader.json_values import written
from ingestion.reader.sql import Reading
from ingestion.reader.strict_json import declared_values, parse
from ingestion.streams import INVOICE_AMOUNT, MONEY, UNIT_PRICE, Stream, fields

#: Last places of a cost, a unit price and an invoice amount.
PLACES = (Decimal("1e-12"), Decimal("1e-18"), Decimal("1e-4"))


@pytest.mark.parametrize(
    ("literal", "cost"),
    [
        ("0.1000000000000000055", "0.1"),
        ("0.0000000000005", "0.000000000001"),
        ("0.00000000000049999999999999999999999999", "0"),
        ("0.1234567890125", "0.123456789013"),
        ("0.12345678901249999999999999", "0.123456789012"),
        ("1234.000000000001", "1234.000000000001"),
        ("99999.999999999999", "99999.999999999999"),
        ("1", "1"),
        ("1e-7", "0.0000001"),
        ("0.00169348", "0.00169348"),
        ("-0.25", "-0.25"),
        ("0.020172000000000002", "0.020172"),
        ('"0.3"', "0.3"),
    ],
)
def test_a_cost_is_rounded_once_half_away_from_zero_at_twelve_decimals(desk, call, literal, cost):
    desk.land([json.dumps(call(1)).replace('"cost": 0.00169348', f'"cost": {literal}')])
    desk.run()
    assert desk.rows()[0]["usage_cost"] == Decimal(cost)


_DIGITS = st.text("0123456789", min_size=1, max_size=30)
_LITERALS = st.one_of(
    st.builds("0.{}".format, _DIGITS),
    st.builds("{}.{}".format, st.integers(0, 99_999), _DIGITS),
    # Where a double is most likely to fall on the wrong side: next to a half of the last place.
    st.builds(
        "{}.{:012d}5{}".format,
        st.integers(0, 999),
        st.integers(0, 10**12 - 1),
        st.sampled_from(["", "0", "1", "00000000000001"]),
    ),
    st.builds(
        "{}.{:012d}4999999{}".format,
        st.integers(0, 999),
        st.integers(0, 10**12 - 1),
        st.sampled_from(["", "9", "9999999999"]),
    ),
    st.builds("{}e-{}".format, st.integers(0, 10**15), st.integers(0, 20)).filter(
        lambda text: float(text) < 100_000
    ),
).flatmap(lambda text: st.sampled_from([text, f"-{text}"]))


MONEY_ONLY = Stream(
    name="amounts",
    table="amounts",
    fields=(*fields(MONEY, "cost"), *fields(UNIT_PRICE, "price"), *fields(INVOICE_AMOUNT, "total")),
    columns=("cost", "price", "total"),
)


@settings(deadline=None, max_examples=50, database=None)
@given(literals=st.lists(_LITERALS, min_size=1, max_size=30))
def test_any_decimal_literal_lands_as_written(literals):
    """What the bulk statement vouches for is right to the last place; what it refuses is read from text."""
    lines = [f'{{"cost":{text},"price":{text},"total":{text}}}' for text in literals]
    expected = [tuple(Decimal(text).quantize(place, ROUND_HALF_UP) for place in PLACES) for text in literals]
    reading = Reading(MONEY_ONLY, "UTC", "s", "f", date(2026, 11, 1))
    with TemporaryDirectory() as folder, duck.session(Path("unused")) as session:
        for line, amounts in zip(lines, expected, strict=True):
            bulk = Path(folder, "bulk.ndjson")
            bulk.write_text(line)
            with suppress(duckdb.InvalidInputException, duckdb.ConversionException):
                found = session.execute(
                    f"select cost, price, total, source from ({reading.bulk(bulk)})"
                ).fetchall()
                assert found == [(*amounts, "s")], line
        careful = Path(folder, "careful.ndjson")
        canonical = (declared_values(parse(line.encode()), MONEY_ONLY) for line in lines)
        careful.write_text("".join(written(values) + "\n" for values in canonical))
        found = session.execute(f"select cost, price, total from ({reading.careful(careful)})").fetchall()
        assert found == expected


@pytest.mark.parametrize("neighbour", ["", "bad"])
@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-01T07:21:59.391Z", datetime(2026, 11, 1, 7, 21, 59, 391000)),
        ("2026-11-01T07:21:59.391999Z", datetime(2026, 11, 1, 7, 21, 59, 391999)),
        ("2026-11-01T00:30:00+14:00", datetime(2026, 10, 31, 10, 30)),
        ("2026-10-31T23:59:59.999-00:00", datetime(2026, 10, 31, 23, 59, 59, 999000)),
        ("2026-11-01T07:21:59", datetime(2026, 11, 1, 7, 21, 59)),
        ("2026-11-01 07:21:59+05:30", datetime(2026, 11, 1, 1, 51, 59)),
        ("2026-11-01t07:21:59z", datetime(2026, 11, 1, 7, 21, 59)),
        ("2026-12-31T23:59:60Z", datetime(2026, 12, 31, 23, 59, 59)),
    ],
)
def test_a_time_is_kept_in_utc_to_the_microsecond(desk, call, written, utc, neighbour):
    desk.land([call(1, created_at=written), neighbour])
    desk.run()
    (row,) = desk.rows()
    assert row["occurred_at"] == row["created_at"] == utc


@pytest.mark.parametrize("neighbour", ["", "bad"])
def test_a_time_without_offset_is_read_in_the_zone_of_its_source(desk, call, neighbour):
    desk.home.sources_file.write_text("sources: {infron: {connector: infron, time_zone: Europe/London}}")
    desk.land(
        [call(1, created_at="2026-07-01T12:00:00"), call(2, created_at="2026-07-01T12:00:00Z"), neighbour]
    )
    desk.run()
    assert [row["occurred_at"].hour for row in desk.rows()] == [11, 12]


@pytest.mark.parametrize("neighbour", ["", "bad"])
def test_float_epoch_seconds_are_exact_to_the_microsecond(desk, neighbour):
    record = {
        "id": "a",
        "status": "success",
        "startTime": 1795164779.904344,
        "endTime": 1795164780,
        "model": "gpt-4o",
    }
    desk.land([record, neighbour], stream="litellm/logs")
    desk.run()
    (row,) = desk.rows("litellm_logs")
    assert row["started_at"] == datetime.fromtimestamp(1795164779, UTC).replace(
        tzinfo=None, microsecond=904344
    )
    assert row["ended_at"] == datetime.fromtimestamp(1795164780, UTC).replace(tzinfo=None)


@pytest.mark.parametrize("neighbour", ["", "bad"])
@pytest.mark.parametrize(
    ("written", "count"), [(9007199254740993, 9007199254740993), ("17", 17), (2**63 - 1, 2**63 - 1)]
)
def test_a_whole_number_never_passes_through_a_double(desk, written, count, neighbour):
    item = {"id": 1, "user_id": written, "created_at": 1793517719, "type": 4, "content": "note"}
    desk.land([item, neighbour], stream="aisa/logs")
    desk.run()
    assert desk.rows("new_api_logs")[0]["user_id"] == count


def test_the_older_flat_usage_is_the_same_contract(desk, call):
    flat = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "prompt_tokens_cache_read": 40,
        "prompt_tokens_cache_write": 20,
        "reasoning_tokens": 5,
    }
    desk.land([{**call(1), "usage": flat}])
    desk.run()
    (row,) = desk.rows()
    names = (
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "reasoning_tokens",
        "usage_total_tokens",
    )
    assert [row[name] for name in names] == [40, 20, 5, None]
    assert desk.record()["unknown_fields"] == []


def test_an_invoice_keeps_its_decimal_strings(desk):
    invoice = {
        "invoice_id": "inv_0042",
        "workspace_id": "ws_3",
        "kind": "topup",
        "issued_at": "2026-11-01T07:21:59Z",
        "period_start": None,
        "currency": "GBP",
        "net": "41.67",
        "vat_rate": "0.20",
        "vat": "8.33",
        "total": "50.00",
        "credits": 5000,
        "payment_intent": "pi_1",
        "status": "paid",
    }
    desk.land([invoice], stream="infery/invoices")
    desk.run()
    (row,) = desk.rows("infery_invoices")
    assert (row["net"], row["vat"], row["total"]) == (Decimal("41.67"), Decimal("8.33"), Decimal("50.00"))
    assert (row["vat_rate"], row["currency"], row["credits"]) == (Decimal("0.2"), "gbp", 5000)
    assert (desk.record()["event_days"], desk.record()["models"]) == ([], [])
