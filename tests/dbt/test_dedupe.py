"""The same call delivered again is counted once; the last delivery wins.

Each case is a source of its own in one home, which is built twice: the second time with what comes later.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land_text, rows

SELECT = ("+recon_reported_costs", "+rpt_source_days")
LINE = infron_line("gen-1")
#: A response captured past midnight has the charge that the log of the day's last second lacks.
CHARGE = {"id": "gen-1", "created": 1793491204, "model": LINE["model"], "usage": {"cost": 0.0375}}
#: 12 + 1 + 97 = 110: reasoning stands beside the completion.
READING = {
    "id": "gen-1",
    "created": 1793517719,
    "model": LINE["model"],
    "usage": {
        "prompt_tokens": 12,
        "completion_tokens": 1,
        "total_tokens": 110,
        "completion_tokens_details": {"reasoning_tokens": 97},
    },
}
UNCOUNTED = infron_line("gen-1", usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
FIRST = {
    "again/logs/dt=2026-11-01/part.ndjson": [LINE, infron_line("gen-2")],
    "again/logs/dt=2026-11-02/part.ndjson": [LINE],
    "corrected/logs/dt=2026-11-01/part.ndjson": [LINE],
    "corrected/logs/dt=2026-11-02/part.ndjson": [
        infron_line("gen-1", usage={"completion_tokens": 1000, "total_tokens": 11000})
    ],
    "renamed/logs/dt=2026-11-01/a.ndjson": [LINE, infron_line("gen-2")],
    "renamed/logs/dt=2026-11-01/b.ndjson.gz": [LINE, infron_line("gen-2")],
    "east/logs/dt=2026-11-01/part.ndjson": [LINE],
    "west/logs/dt=2026-11-01/part.ndjson": [LINE],
    "moved/logs/dt=2026-11-01/part.ndjson": [
        infron_line("gen-1", created_at="2026-11-01T23:59:59.999Z"),
        infron_line("gen-2"),
    ],
    "charged/logs/dt=2026-10-31/part.ndjson": [
        infron_line("gen-1", created_at="2026-10-31T23:59:59.000Z", usage={"cost": None})
    ],
    "charged/responses/dt=2026-11-01/part.ndjson": [CHARGE],
    "read/logs/dt=2026-11-01/part.ndjson": [UNCOUNTED],
    "read/responses/dt=2026-11-01/part.ndjson": [READING],
}
LATER = {
    "moved/logs/dt=2026-11-02/part.ndjson": [infron_line("gen-1", created_at="2026-11-02T00:00:00.001Z")],
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[tuple[Any, ...]]]:
    """A function that answers a query over the built home."""
    home = Home(tmp_path_factory.mktemp("dedupe") / "home")
    home.root.mkdir()
    sources = sorted({path.partition("/")[0] for path in FIRST})
    home.sources_file.write_text(
        "sources:\n" + "".join(f"  {source}: {{connector: infron}}\n" for source in sources)
    )
    for delivered in (FIRST, LATER):
        for path, lines in delivered.items():
            land_text(home, path, lines)
        build(home, SELECT)
    return lambda query: rows(home, query)


def test_a_call_delivered_twice_is_counted_once(ask) -> None:
    assert ask(
        "select request_id, raw_file from marts.fct_usage_costs where source = 'again' order by 1"
    ) == [
        ("gen-1", "again/logs/dt=2026-11-02/part.ndjson"),
        ("gen-2", "again/logs/dt=2026-11-01/part.ndjson"),
    ]
    assert ask(
        """
        select delivered_on::varchar, lines, events, duplicates, revisions
        from marts.rpt_source_days
        where source = 'again'
        order by 1
        """
    ) == [("2026-11-01", 2, 1, 1, 0), ("2026-11-02", 1, 1, 0, 0)]


def test_a_corrected_call_replaces_the_first_delivery(ask) -> None:
    """1,000 completion tokens instead of 500: 10,000 x 3 + 1,000 x 15 = $0.045."""
    assert ask(
        "select output_tokens, list_cost_usd from marts.fct_usage_costs where source = 'corrected'"
    ) == [(1000, Decimal("0.045"))]
    assert ask(
        "select sum(duplicates), sum(revisions) from marts.rpt_source_days where source = 'corrected'"
    ) == [(0, 1)]


def test_a_file_delivered_twice_under_two_names_changes_nothing(ask) -> None:
    assert ask("select count(*), sum(list_cost_usd) from marts.fct_usage_costs where source = 'renamed'") == [
        (2, Decimal("0.075"))
    ]
    assert ask("select lines, events, duplicates from marts.rpt_source_days where source = 'renamed'") == [
        (4, 2, 2)
    ]


def test_one_id_at_two_gateways_is_two_calls(ask) -> None:
    """Both sources are of Infron's connector."""
    assert ask(
        "select source, event_id from marts.fct_usage_costs where source in ('east', 'west') order by 1"
    ) == [("east", "east:gen-1"), ("west", "west:gen-1")]


def test_a_correction_that_moves_a_call_over_midnight_is_counted_on_its_new_day_only(ask) -> None:
    """It is corrected after its first day was built."""
    assert ask(
        "select request_id, event_date::varchar from marts.fct_usage_costs where source = 'moved' order by 1"
    ) == [("gen-1", "2026-11-02"), ("gen-2", "2026-11-01")]


def test_a_charge_delivered_on_the_next_day_is_the_charge_of_its_call(ask) -> None:
    """The log of the last second of a day has no charge; the response captured past midnight has $0.0375."""
    assert ask(
        """
        select event_date::varchar, requests, charged_usd, cost_variance_usd, unreported_cost_usd, unpriced_charge_usd
        from marts.recon_reported_costs
        where source = 'charged'
        """
    ) == [("2026-10-31", 1, Decimal("0.0375"), 0, 0, 0)]


def test_the_reading_named_on_a_call_is_that_of_the_copy_its_tokens_come_from(ask) -> None:
    """The log counts nothing; the response has 12 in and 1 + 97 out."""
    assert ask(
        """
        select input_tokens, output_tokens, usage_source, usage_reading, raw_file
        from marts.fct_usage_costs
        where source = 'read'
        """
    ) == [
        (
            12,
            98,
            "reported",
            "input = prompt, output = completion + reasoning",
            "read/logs/dt=2026-11-01/part.ndjson",
        )
    ]
