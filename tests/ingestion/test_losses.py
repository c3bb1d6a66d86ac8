"""What a source would lose: files that are gone or have fewer events, but not moved, split, packed or archived ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.losses import Loss, lost


def landed(name: str, events: int, blake3: str = "", day: str = "2026-11-02", **more: Any) -> dict[str, Any]:
    return {
        "stream": "logs",
        "delivered_on": day,
        "landing_file": f"infron/logs/dt={day}/{name}",
        "blake3": blake3 or f"hash of {name} {events}",
        "events": events,
        "event_days": [{"event_date": day, "events": events}] if events else [],
        **more,
    }


def test_a_file_that_is_gone_loses_its_events() -> None:
    """1 of 100 events is a share of 0.01."""
    before = [landed("a", 99), landed("b", 1)]
    assert lost(before, before[:1]) == Loss(("infron/logs/dt=2026-11-02/b",), 1, 0.01, "2026-11-02")


def test_nothing_has_landed_is_everything_lost() -> None:
    assert lost([landed("a", 3)], []).share == 1.0
    assert lost([], []) == lost([], [landed("a", 3)]) == Loss()


def test_a_file_replaced_by_one_with_fewer_events_loses_the_difference() -> None:
    before = [landed("a", 60), landed("b", 40)]
    assert lost(before, [landed("a", 10), landed("b", 40)]) == Loss(
        ("infron/logs/dt=2026-11-02/a",), 50, 0.5, "2026-11-02"
    )


def test_the_same_content_under_another_name_or_day_was_moved() -> None:
    before = [landed("a", 60, "same")]
    assert lost(before, [landed("b", 60, "same")]) == Loss()
    assert lost(before, [landed("a", 60, "same", day="2026-11-05")]) == Loss()
    copies = [landed("a", 60, "same"), landed("copy", 60, "same")]
    assert lost(copies, copies[1:]) == Loss()


def test_a_day_split_into_more_files_or_packed_has_lost_nothing() -> None:
    before = [landed("a.ndjson", 60)]
    assert lost(before, [landed("a.ndjson.gz", 60)]) == Loss()
    assert lost(before, [landed("part-1", 25), landed("part-2", 35)]) == Loss()


def test_new_deliveries_of_other_days_make_up_for_nothing() -> None:
    before = [landed("a", 10), landed("b", 10, day="2026-11-03")]
    after = [landed("b", 10, day="2026-11-03"), landed("c", 500, day="2026-11-04")]
    assert lost(before, after).share == 0.5


def test_the_share_is_of_a_stream_so_that_few_invoices_count_beside_many_calls() -> None:
    """2 of 4 invoices beside 1,000 calls."""
    invoices = [landed(f"invoices {number}", 2, stream="invoices", event_days=[]) for number in range(2)]
    before = [landed("a", 1000), *invoices]
    assert lost(before, before[:-1]).share == 0.5


def test_what_is_read_otherwise_now_is_not_lost() -> None:
    assert lost([landed("a", 60, "same")], [landed("a", 50, "same")]) == Loss()


def test_days_of_closed_months_lose_nothing() -> None:
    """A file of 31 October and 1 November: its 7 events of October are kept by the closing."""
    days = [{"event_date": "2026-10-31", "events": 7}, {"event_date": "2026-11-01", "events": 3}]
    before = [landed("a", 10, event_days=days), landed("b", 90)]
    assert lost(before, before[1:], {"2026-10"}).events == 3
    assert lost(before, before[1:], {"2026-10", "2026-11"}) == Loss()


FILES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.sampled_from(["2026-11-02", "2026-11-03"])),
    unique_by=lambda file: (file[0], file[2]),
).map(lambda files: [landed(name, events, day=day) for name, events, day in files])


@given(FILES, FILES)
def test_a_loss_is_never_more_than_was_known_and_nothing_is_lost_by_more_files(
    before: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    known = sum(file["events"] for file in before)
    loss = lost(before, more)
    assert 0 <= loss.events <= known
    assert 0.0 <= loss.share <= 1.0
    assert (loss.events > 0) == bool(loss.files) == (loss.first_day is not None)
    assert lost(before, before + more) == Loss()
