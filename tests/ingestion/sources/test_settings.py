"""What sources.yml settles about a gateway's figures is checked, and reaches raw as rows SQL can join."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingestion.config import write_config
from ingestion.sources import SourcesError, load_sources


def settings(home, text: str) -> list[dict]:
    home.sources_file.write_text(f"sources: {text}")
    write_config(home)
    return pl.read_parquet(home.raw / "config_sources" / "config.parquet").to_dicts()


def test_a_missing_setting_is_null(home):
    [row] = settings(home, "{eu: {connector: infron, time_zone: Europe/London}}")
    assert row.pop("source") == "eu"
    assert row.pop("connector") == "infron"
    assert row.pop("time_zone") == "Europe/London"
    assert set(row.values()) == {None}


def test_a_home_without_sources_has_an_empty_table(home):
    assert settings(home, "{}") == []


def test_every_convention_reaches_raw(home):
    [row] = settings(
        home,
        "{infery: {time_basis: end, quota_per_unit: 500000, usd_per_credit: 0.01,"
        " discount_convention: percent_off, usage_semantic: anthropic, vat_time_zone: Europe/Dublin}}",
    )
    assert row["vat_time_zone"] == "Europe/Dublin"
    assert (row["time_basis"], row["discount_convention"], row["usage_semantic"]) == (
        "end",
        "percent_off",
        "anthropic",
    )
    assert (row["quota_per_unit"], row["quota_valid_from"], row["quota_valid_to"]) == (500000, None, None)
    assert row["usd_per_credit"] == Decimal("0.01")


def test_a_quota_that_changed_is_one_row_a_period(home):
    rows = settings(
        home,
        "{infron: {quota_per_unit: [{value: 600000, valid_from: 2026-07-01}, {value: 500000}]}}",
    )
    assert [(r["quota_per_unit"], r["quota_valid_from"], r["quota_valid_to"]) for r in rows] == [
        (500000, None, date(2026, 7, 1)),
        (600000, date(2026, 7, 1), None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_basis: middle", "sources.yml: sources.infery.time_basis: must be 'start' or 'end'"),
        (
            "quota_per_unit: many",
            "sources.infery.quota_per_unit: 'many' is not a quota; write a whole number",
        ),
        ("quota_per_unit: 0", "sources.infery.quota_per_unit.0.value: must be greater than 0"),
        ("quota_per_unit: [{value: 1}, {value: 2}]", "only the first value may be without valid_from"),
        ("usd_per_credit: -1", "sources.infery.usd_per_credit: must be greater than 0"),
        ("vat_time_zone: Europe/Londn", "sources.infery.vat_time_zone: 'Europe/Londn' is not a time zone"),
        ("discount_convention: x", "sources.infery.discount_convention: must be 'to_pay', 'off' or"),
        ("api: {token_env: T}", "sources.yml: sources.infery.api.url: is missing; write it"),
        ("api: {url: 'http://a.b', token_env: T}", "sources.infery.api: url must start with https://"),
    ],
)
def test_a_mistake_is_reported_with_file_key_and_what_to_write(home, text, message):
    home.sources_file.write_text(f"sources: {{infery: {{{text}}}}}")
    with pytest.raises(SourcesError) as error:
        load_sources(home)
    assert message in str(error.value)
