"""The status of an item, day by day: kept when build.duckdb is thrown away, and once per day of the books."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import duckdb

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.marts.billing_rows import intent, invoice

Row = tuple[Any, ...]

NEVER_PAID = invoice("inv_never", delivered_on="2026-10-02")
PAID_LATE = invoice("inv_late", delivered_on="2026-10-02")


def book(home: Home, raw_files: Callable[[Home], Any], last_day: str, *intents: dict[str, Any]) -> list[Row]:
    """Build the books as they stand on a day, from nothing but raw files and what was written down."""
    shutil.rmtree(home.raw, ignore_errors=True)
    home.build_database.unlink(missing_ok=True)
    days_end = invoice(
        "inv_zero", total="0", net="0", vat="0", delivered_on=last_day, issued_at=f"{last_day} 00:00:00"
    )
    raw_files(home).billing(invoices=[NEVER_PAID, PAID_LATE, days_end], payment_intents=intents)
    result = build(home, project(), ["+recon_status_history"])
    assert not result.broken, result.explain()
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        return session.sql(
            """
            select item_id, status, first_seen_on::varchar, replaced_on::varchar, days_in_status
            from marts.recon_status_history
            where item_id <> 'inv:inv_zero'
            order by 1, 3
            """
        ).fetchall()


def test_a_status_is_known_from_the_day_it_began_to_the_day_it_ended(
    home: Home, raw_files: Callable[[Home], Any]
) -> None:
    """Both invoices are late from the fifth on; a payment comes without a name, and is named on the eighth."""
    book(home, raw_files, "2026-10-02")
    nameless = intent(
        "pi_1", workspace_id=None, created_at="2026-10-06 00:00:00", fetched_at="2026-10-06 00:00:00"
    )
    book(home, raw_files, "2026-10-06", nameless)
    named = intent(
        "pi_1", "inv_late", created_at="2026-10-06 00:00:00", fetched_at="2026-10-08", content_sha256="2"
    )
    found = book(home, raw_files, "2026-10-08", nameless, named)
    assert found == [
        ("inv:inv_late", "timing_difference", "2026-10-02", "2026-10-06", 4),
        ("inv:inv_late", "missing_in_stripe", "2026-10-06", "2026-10-08", 2),
        ("inv:inv_late", "matched", "2026-10-08", None, 0),
        ("inv:inv_never", "timing_difference", "2026-10-02", "2026-10-06", 4),
        ("inv:inv_never", "missing_in_stripe", "2026-10-06", None, 2),
        ("pi:pi_1", "missing_invoice", "2026-10-06", "2026-10-08", 2),
    ]
    assert book(home, raw_files, "2026-10-08", nameless, named) == found


def test_a_day_that_is_built_again_is_written_down_again(
    home: Home, raw_files: Callable[[Home], Any]
) -> None:
    """The stray payment of the second was a mistake that was corrected on the same day: it is not recorded."""
    book(
        home,
        raw_files,
        "2026-10-02",
        intent("pi_1", "nobody", fetched_at="2026-10-01", created_at="2026-10-01"),
    )
    book(home, raw_files, "2026-10-02")
    found = book(home, raw_files, "2026-10-03")
    assert {item_id for item_id, *_ in found} == {"inv:inv_late", "inv:inv_never"}
