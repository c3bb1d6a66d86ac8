"""The same call delivered again is counted once; the last delivery wins."""

from __future__ import annotations

from decimal import Decimal

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, land_text, rows


def test_a_call_delivered_twice_is_counted_once(home: Home) -> None:
    line = infron_line("gen-1")
    land(home, "2026-11-01", [line, infron_line("gen-2")])
    land(home, "2026-11-02", [line])
    build(home)
    assert rows(home, "select request_id, raw_file from marts.fct_usage_costs order by 1") == [
        ("gen-1", "infron/logs/dt=2026-11-02/part.ndjson"),
        ("gen-2", "infron/logs/dt=2026-11-01/part.ndjson"),
    ]
    per_day = "select delivered_on::varchar, lines, events, duplicates, revisions from marts.rpt_source_days order by 1"
    assert rows(home, per_day) == [("2026-11-01", 2, 1, 1, 0), ("2026-11-02", 1, 1, 0, 0)]


def test_a_corrected_call_replaces_the_first_delivery(home: Home) -> None:
    """1,000 completion tokens instead of 500: 10,000 x 3 + 1,000 x 15 = $0.045."""
    land(home, "2026-11-01", [infron_line("gen-1")])
    land(home, "2026-11-02", [infron_line("gen-1", usage={"completion_tokens": 1000, "total_tokens": 11000})])
    build(home)
    assert rows(home, "select output_tokens, list_cost_usd from marts.fct_usage_costs") == [
        (1000, Decimal("0.045"))
    ]
    assert rows(home, "select sum(duplicates), sum(revisions) from marts.rpt_source_days") == [(0, 1)]


def test_a_file_delivered_twice_under_two_names_changes_nothing(home: Home) -> None:
    lines = [infron_line("gen-1"), infron_line("gen-2")]
    land(home, "2026-11-01", lines, "a.ndjson")
    land(home, "2026-11-01", lines, "b.ndjson.gz")
    build(home)
    assert rows(home, "select count(*), sum(list_cost_usd) from marts.fct_usage_costs") == [
        (2, Decimal("0.075"))
    ]
    assert rows(home, "select lines, events, duplicates from marts.rpt_source_days") == [(4, 2, 2)]


def test_one_id_at_two_gateways_is_two_calls(home: Home) -> None:
    """Both folders are named in sources.yml and speak Infron's connector."""
    (home.root).mkdir(exist_ok=True)
    home.sources_file.write_text("sources:\n  east: {connector: infron}\n  west: {connector: infron}\n")
    for source in ("east", "west"):
        file = land(home, "2026-11-01", [infron_line("gen-1")])
        target = home.landing / source / "logs/dt=2026-11-01/part.ndjson"
        target.parent.mkdir(parents=True)
        file.rename(target)
    build(home)
    assert rows(home, "select source, event_id from marts.fct_usage_costs order by 1") == [
        ("east", "east:gen-1"),
        ("west", "west:gen-1"),
    ]


def test_a_correction_that_moves_a_call_over_midnight_is_counted_on_its_new_day_only(home: Home) -> None:
    land(
        home,
        "2026-11-01",
        [infron_line("gen-1", created_at="2026-11-01T23:59:59.999Z"), infron_line("gen-2")],
    )
    build(home)
    land(home, "2026-11-02", [infron_line("gen-1", created_at="2026-11-02T00:00:00.001Z")])
    build(home)
    assert rows(home, "select request_id, event_date::varchar from marts.fct_usage_costs order by 1") == [
        ("gen-1", "2026-11-02"),
        ("gen-2", "2026-11-01"),
    ]


def test_a_charge_told_on_the_next_day_is_the_charge_of_its_call(home: Home) -> None:
    """The log of the last second of a day has no charge; a response captured past midnight tells $0.0375 for it."""
    call = infron_line("gen-1", created_at="2026-10-31T23:59:59.000Z", usage={"cost": None})
    land(home, "2026-10-31", [call])
    captured = {"id": "gen-1", "created": 1793491204, "model": call["model"], "usage": {"cost": 0.0375}}
    land_text(home, "infron/responses/dt=2026-11-01/part.ndjson", [captured])
    build(home)
    assert rows(
        home,
        """
        select event_date::varchar, requests, charged_usd, cost_variance_usd, unreported_cost_usd, unpriced_charge_usd
        from marts.recon_reported_costs
        """,
    ) == [("2026-10-31", 1, Decimal("0.0375"), 0, 0, 0)]


def test_the_reading_named_on_a_call_is_that_of_the_copy_its_tokens_come_from(home: Home) -> None:
    """The log counts nothing; the response has 12 + 1 + 97 = 110, so reasoning stands beside the completion."""
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    land(home, "2026-11-01", [infron_line("gen-1", usage=nothing)])
    usage = {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 110}
    usage["completion_tokens_details"] = {"reasoning_tokens": 97}
    captured = {"id": "gen-1", "created": 1793517719, "model": "anthropic/claude-sonnet-4-5", "usage": usage}
    land_text(home, "infron/responses/dt=2026-11-01/part.ndjson", [captured])
    build(home)
    assert rows(
        home,
        "select input_tokens, output_tokens, usage_source, usage_reading, raw_file from marts.fct_usage_costs",
    ) == [
        (
            12,
            98,
            "reported",
            "input = prompt, output = completion + reasoning",
            "infron/logs/dt=2026-11-01/part.ndjson",
        )
    ]
