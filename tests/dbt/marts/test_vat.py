"""VAT periods: a document belongs to the day it is in the VAT zone, whatever day it is in UTC.

British clocks go forward on 31 March 2024 at 01:00 UTC and back on 26 October 2025 at 01:00 UTC. Unless a case says
otherwise an invoice is 41.67 gbp net, 8.33 VAT, 50.00 gross.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import rows
from tests.dbt.marts.billing_rows import credit_note, document, invoice

MODELS = ["+rpt_vat_monthly"]
DAYS = {
    "before_spring": ("2024-03-30 23:59:59", "2024-03-30"),
    "spring_begins": ("2024-03-31 00:00:00", "2024-03-31"),
    "spring_ends": ("2024-03-31 22:59:59", "2024-03-31"),
    "after_spring": ("2024-03-31 23:00:00", "2024-04-01"),
    "before_autumn": ("2025-10-25 22:59:59", "2025-10-25"),
    "autumn_begins": ("2025-10-25 23:00:00", "2025-10-26"),
    "autumn_hour_first": ("2025-10-26 00:30:00", "2025-10-26"),
    "autumn_hour_again": ("2025-10-26 01:30:00", "2025-10-26"),
    "autumn_ends": ("2025-10-26 23:59:59", "2025-10-26"),
    "after_autumn": ("2025-10-27 00:00:00", "2025-10-27"),
    "september_ends": ("2025-09-30 22:59:59", "2025-09-30"),
    "october_begins": ("2025-09-30 23:00:00", "2025-10-01"),
    "october_ends": ("2025-10-31 23:59:59", "2025-10-31"),
    "november_begins": ("2025-11-01 00:00:00", "2025-11-01"),
}
REVERSE = {"net": "50.00", "vat": "0.00", "vat_rate": "0.00", "vat_treatment": "reverse_charge"}
WORLD: dict[str, list[dict[str, Any]]] = {
    "invoices": [
        *(invoice(name, issued_at=issued_at) for name, (issued_at, _) in DAYS.items()),
        *(
            invoice(name, issued_at="2026-01-10 12:00:00", **changed)
            for name, changed in {
                "january": {"stripe_invoice": "in_january"},
                "abroad": REVERSE,
                "yen": {"currency": "jpy", "net": "8334", "vat": "1666", "total": "10000"},
                "draft": {"status": "draft"},
                "void": {"status": "void"},
                "lost": {"status": "uncollectible", "vat_treatment": None},
            }.items()
        ),
    ],
    "stripe_invoices": [document("in_january", "january")],
    "credit_notes": [
        credit_note("cn_january", "in_january", 600, tax=100, created_at="2026-01-31 23:59:59"),
        credit_note("cn_february", "in_january", 1200, tax=200, created_at="2026-02-01 00:00:00"),
        credit_note("cn_void", "in_january", 1200, tax=200, status="void", created_at="2026-02-01 00:00:00"),
        credit_note("cn_unknown", "in_unknown", 120, tax=20, created_at="2026-06-30 23:00:00"),
    ],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]) -> Home:
    return built(Home(tmp_path_factory.mktemp("vat")), raw_files)


def built(home: Home, raw_files: Callable[[Home], Any]) -> Home:
    raw_files(home).billing(**WORLD)
    result = build(home, project(), MODELS)
    assert not result.broken, result.explain()
    return home


def months(home: Home, columns: str) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    found = rows(
        home, f"select vat_month::varchar, vat_treatment, currency, {columns} from marts.rpt_vat_monthly"
    )
    return {(month[:7], treatment, currency): tuple(rest) for month, treatment, currency, *rest in found}


def test_a_day_is_that_of_the_vat_zone_also_when_the_clocks_change(home: Home) -> None:
    """31 March 2024 ends at 23:00 UTC, 26 October 2025 begins at 23:00 UTC of the day before and has 25 hours."""
    found = rows(home, "select invoice_id, vat_date::varchar from marts.fct_invoices")
    assert {name: day for name, day in found if name in DAYS} == {
        name: day for name, (_, day) in DAYS.items()
    }


def test_a_month_ends_at_midnight_of_the_vat_zone(home: Home) -> None:
    found = months(home, "invoice_count, net_minor, vat_minor, total_minor")
    assert {key: found[key] for key in found if key[0] < "2026"} == {
        ("2024-03", "standard", "gbp"): (3, 12501, 2499, 15000),
        ("2024-04", "standard", "gbp"): (1, 4167, 833, 5000),
        ("2025-09", "standard", "gbp"): (1, 4167, 833, 5000),
        ("2025-10", "standard", "gbp"): (8, 33336, 6664, 40000),
        ("2025-11", "standard", "gbp"): (1, 4167, 833, 5000),
    }


def test_credit_notes_take_back_in_the_month_they_are_issued_in(home: Home) -> None:
    """January: 50.00 − 6.00 = 44.00, of which 8.33 − 1.00 = 7.33 VAT. February: −12.00, of which −2.00 VAT."""
    found = months(home, "credit_note_count, credited_total_minor, net_minor, vat_minor, total_minor")
    assert found["2026-01", "standard", "gbp"] == (1, 600, 3667, 733, 4400)
    assert found["2026-02", "standard", "gbp"] == (1, 1200, -1000, -200, -1200)
    assert found["2026-07", "unknown", "gbp"] == (1, 120, -100, -20, -120)


def test_treatments_and_currencies_stand_apart_and_what_was_not_issued_nowhere(home: Home) -> None:
    """An uncollectible invoice was issued too; a yen has no smaller unit."""
    found = months(home, "invoice_count, net_amount, vat_amount, total_amount")
    assert {
        key: found[key] for key in found if key[0] == "2026-01" and key != ("2026-01", "standard", "gbp")
    } == {
        ("2026-01", "reverse_charge", "gbp"): (1, Decimal(50), Decimal(0), Decimal(50)),
        ("2026-01", "standard", "jpy"): (1, Decimal(8334), Decimal(1666), Decimal(10000)),
        ("2026-01", "unknown", "gbp"): (1, Decimal("41.67"), Decimal("8.33"), Decimal(50)),
    }


def test_the_zone_is_a_setting_of_the_source(
    home: Home, tmp_path: Any, raw_files: Callable[[Home], Any]
) -> None:
    """In UTC 31 March ends at midnight UTC, and the invoice of 23:00 is one of March."""
    elsewhere = Home(tmp_path)
    elsewhere.sources_file.write_text("sources: {infery: {vat_time_zone: UTC}}\n", encoding="utf-8")
    found = months(built(elsewhere, raw_files), "invoice_count")
    assert (found["2024-03", "standard", "gbp"], found.get(("2024-04", "standard", "gbp"))) == ((4,), None)
