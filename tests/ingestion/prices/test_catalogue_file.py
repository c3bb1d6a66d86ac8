"""The catalogue's file: written once per version, whole, beside older ones; and its rows answer exactly
once.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time
from importlib.metadata import version
from itertools import pairwise

import duckdb
import polars as pl
import pytest

from ingestion.prices import catalogue as catalogue_module
from ingestion.prices import write_catalogue
from ingestion.prices.flatten import OPEN_FROM, OPEN_TO, token_class


def test_a_second_write_of_the_same_version_does_nothing(home) -> None:
    first = write_catalogue(home)
    stamp = first.path.stat().st_mtime_ns
    second = write_catalogue(home)
    assert (first.written, second.written) == (True, False)
    assert second.rows == first.rows > 0
    assert second.path.stat().st_mtime_ns == stamp
    assert [path.name for path in first.path.parent.iterdir()] == ["prices.parquet"]


def test_the_version_is_that_of_the_installed_library(catalogue) -> None:
    installed = version("genai-prices")
    assert catalogue.version == installed
    assert catalogue.path.parts[-3:] == ("prices", f"catalogue={installed}", "prices.parquet")


def test_a_truncated_file_is_written_again(home) -> None:
    path = write_catalogue(home).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert write_catalogue(home).written
    assert path.read_bytes() == whole


def test_a_new_version_stands_beside_the_old_and_keeps_the_ids_of_unchanged_prices(home, monkeypatch) -> None:
    old = write_catalogue(home)
    monkeypatch.setattr(catalogue_module, "catalogue_version", lambda: "9.9.9")
    new = write_catalogue(home)
    assert old.path.exists()
    assert new.path != old.path
    before, after = pl.read_parquet(old.path), pl.read_parquet(new.path)
    assert before["price_id"].to_list() == after["price_id"].to_list()
    assert after["catalogue_version"].unique().to_list() == ["9.9.9"]


def test_the_columns_are_those_the_warehouse_reads(catalogue) -> None:
    described = duckdb.connect().sql(
        "describe from read_parquet($1, hive_partitioning=false)", params=[str(catalogue.path)]
    )
    assert [(name, kind) for name, kind, *_ in described.fetchall()] == [
        ("price_id", "VARCHAR"),
        ("catalogue_version", "VARCHAR"),
        ("catalogue_provider", "VARCHAR"),
        ("catalogue_model", "VARCHAR"),
        ("token_class", "VARCHAR"),
        ("unit", "VARCHAR"),
        ("price", "DECIMAL(24,18)"),
        ("tier_start", "BIGINT"),
        ("variant", "VARCHAR"),
        ("valid_from", "TIMESTAMP"),
        ("valid_to", "TIMESTAMP"),
        ("tod_start", "TIME"),
        ("tod_end", "TIME"),
        ("is_free_or_unknown", "BOOLEAN"),
        ("source", "VARCHAR"),
    ]


def test_a_price_id_is_16_hex_digits_and_names_one_row(catalogue) -> None:
    ids = pl.read_parquet(catalogue.path)["price_id"]
    assert ids.n_unique() == ids.len()
    assert ids.str.contains(r"^[0-9a-f]{16}$").all()


def test_a_price_of_18_decimals_is_kept_whole(catalogue) -> None:
    """OpenRouter states prices as per-token fractions: none is rounded on the way."""
    prices = pl.read_parquet(catalogue.path)["price"].drop_nulls()
    digits = [len(f"{price:f}".rstrip("0").partition(".")[2]) for price in prices]
    assert max(digits) == 18


def test_prices_are_missing_only_where_marked_free_or_unknown(catalogue) -> None:
    rows = pl.read_parquet(catalogue.path)
    assert (rows["price"].is_null() == rows["is_free_or_unknown"]).all()


def cells(catalogue) -> dict[tuple[str, str, str], set[tuple]]:
    """(provider, model, variant) → its cells: (valid_from, valid_to, tod_start, tod_end)."""
    found = defaultdict(set)
    for row in pl.read_parquet(catalogue.path).iter_rows(named=True):
        key = row["catalogue_provider"], row["catalogue_model"], row["variant"]
        found[key].add((row["valid_from"], row["valid_to"], row["tod_start"], row["tod_end"]))
    return found


def test_the_standard_price_never_overlaps_and_never_gaps(catalogue) -> None:
    for key, of_model in cells(catalogue).items():
        if key[2] != "standard":
            continue
        periods = sorted({cell[:2] for cell in of_model})
        assert (periods[0][0], periods[-1][1]) == (OPEN_FROM, OPEN_TO), key
        assert all(earlier[1] == later[0] for earlier, later in pairwise(periods)), key
        for period in periods:
            windows = sorted((start or time(), end) for *of, start, end in of_model if tuple(of) == period)
            assert (windows[0][0], windows[-1][1]) == (time(), None), key
            assert all(earlier[1] == later[0] for earlier, later in pairwise(windows)), key


def test_a_variant_never_overlaps_itself(catalogue) -> None:
    for key, of_model in cells(catalogue).items():
        ordered = sorted(of_model, key=lambda cell: (cell[0], cell[2] or time()))
        for (valid_from, valid_to, _, tod_end), (next_from, next_to, next_tod_start, _) in pairwise(ordered):
            if (valid_from, valid_to) != (next_from, next_to):
                assert valid_to <= next_from, key
            else:
                assert tod_end <= next_tod_start, key


def test_every_class_of_a_cell_has_every_tier_once(catalogue) -> None:
    classes, tiers, rows = defaultdict(set), defaultdict(set), defaultdict(int)
    for row in pl.read_parquet(catalogue.path).iter_rows(named=True):
        cell = tuple(
            row[name]
            for name in (
                "catalogue_provider",
                "catalogue_model",
                "variant",
                "valid_from",
                "valid_to",
                "tod_start",
                "tod_end",
            )
        )
        classes[cell].add(row["token_class"])
        tiers[cell].add(row["tier_start"])
        rows[cell] += 1
    for cell, count in rows.items():
        assert count == len(classes[cell]) * len(tiers[cell]), cell
        assert 0 in tiers[cell], cell


def test_a_window_around_midnight_is_two_rows(catalogue) -> None:
    """deepseek-chat is cheap from 16:30 to 00:30 UTC: two windows of one price, and the day between them."""
    rows = pl.read_parquet(catalogue.path).filter(
        catalogue_provider="deepseek", catalogue_model="deepseek-chat", token_class="input"
    )
    windows = {(row["tod_start"], row["tod_end"]): str(row["price"]) for row in rows.iter_rows(named=True)}
    assert windows == {
        (time(0), time(0, 30)): "0.135000000000000000",
        (time(0, 30), time(16, 30)): "0.270000000000000000",
        (time(16, 30), None): "0.135000000000000000",
    }


def test_a_dated_price_starts_at_midnight_utc(catalogue) -> None:
    rows = pl.read_parquet(catalogue.path).filter(
        catalogue_provider="openai", catalogue_model="gpt-4.1", variant="batch", token_class="input"
    )
    assert rows.select("valid_from", "valid_to").rows() == [(datetime(2026, 10, 14), OPEN_TO)]


@pytest.mark.parametrize(
    ("price_key", "expected"),
    [
        ("input_mtok", "input"),
        ("cache_read_mtok", "cache_read"),
        ("cache_write_mtok", "cache_write_5m"),
        ("cache_write_1h_mtok", "cache_write_1h"),
        ("cache_audio_read_mtok", "cache_read_audio"),
        ("cache_image_write_mtok", "cache_write_5m_image"),
        ("cache_image_write_1h_mtok", "cache_write_1h_image"),
        ("output_reasoning_mtok", "output_reasoning"),
        ("requests_kcount", "requests"),
        ("web_searches_kcount", "web_searches"),
        ("input_document_kpages", "input_document_pages"),
        ("audio_hours", "audio_seconds"),
    ],
)
def test_a_token_class_is_named_once_for_all(price_key: str, expected: str) -> None:
    assert token_class(price_key) == expected
