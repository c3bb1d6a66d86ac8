"""Every API is read to its end, in closed windows, and its pages land exactly as they were received."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.anthropic import usage_api as anthropic
from ingestion.connectors.infery import usage_api as infery
from ingestion.connectors.litellm import usage_api as litellm
from ingestion.connectors.new_api import usage_api as new_api
from ingestion.connectors.openai import usage_api as openai
from ingestion.connectors.openrouter import usage_api as openrouter
from ingestion.landing import landed as read
from ingestion.landing import problems
from ingestion.sources import load_sources
from ingestion.usage_apis.windows import Window

MODULES = {
    "infery": infery,
    "new_api": new_api,
    "litellm": litellm,
    "openrouter": openrouter,
    "openai": openai,
    "anthropic": anthropic,
}

EXPECTED = {
    "infery": {"usage_api": (3 + 1, 16), "usage_api_grouped": (6, 14)},
    "new_api": {"logs": (3 + 1, 16), "data": (2, 13), "status": (1, 1)},
    "litellm": {"spend_logs_api": (3 + 1, 17)},
    "openrouter": {"activity": (2, 2)},
    "openai": {"usage": (2 * 2 * 4, 2 * 48), "costs": (1, 1)},
    "anthropic": {"usage": (2 * 4, 48), "costs": (1, 1)},
}
"""Pages and rows per stream. LiteLLM's row on midnight is on two pages: both its ends are inclusive."""


def rows_on(body: bytes) -> list[Any]:
    """The rows of a page, whatever its API."""
    data = json.loads(body)["data"]
    if isinstance(data, dict):
        return data.get("items", [data])
    return [row for one in data for row in one.get("results", [one])]


@pytest.mark.parametrize("kind", MODULES)
def test_every_page_of_every_closed_window_lands(desk: Any, kit: Any, kind: str) -> None:
    gateway = desk.gateway()
    result = desk.fetch(gateway, kind)
    pages: dict[str, list[bytes]] = {}
    for name, body in kit.landed(desk.home).items():
        source, stream, day, _ = name.split("/")
        assert (source, day[:3]) == (kind, "dt=")
        pages.setdefault(stream, []).append(body)
    found = {
        stream: (len(bodies), sum(len(rows_on(one)) for one in bodies)) for stream, bodies in pages.items()
    }
    assert found == EXPECTED[kind]
    assert result.pages == sum(count for count, _ in EXPECTED[kind].values())
    assert result.findings == []


@pytest.mark.parametrize("kind", MODULES)
def test_a_page_is_the_very_bytes_that_were_received(
    desk: Any, kit: Any, kind: str, monkeypatch: Any
) -> None:
    """Anthropic's with `ending_at` as documented, so that there is no extra bucket."""
    gateway = desk.gateway(anthropic_ends_before=True)
    sent = []
    true_answer = gateway.answer
    monkeypatch.setattr(gateway, "answer", lambda *asked: sent.append(true_answer(*asked)) or sent[-1])
    desk.fetch(gateway, kind)
    assert set(kit.landed(desk.home).values()) <= {answer.body for answer in sent}


@pytest.mark.parametrize("kind", MODULES)
def test_a_second_fetch_at_the_same_moment_requests_nothing(desk: Any, kit: Any, kind: str) -> None:
    gateway = desk.gateway()
    first = desk.fetch(gateway, kind)
    asked, before = len(gateway.requests), kit.stamps(desk.home)
    second = desk.fetch(gateway, kind)
    assert (second.windows, second.skipped) == (0, first.windows)
    assert len(gateway.requests) == asked
    assert kit.stamps(desk.home) == before


@pytest.mark.parametrize("kind", MODULES)
def test_no_request_reaches_beyond_what_has_settled(desk: Any, kind: str) -> None:
    """Anthropic's `ending_at` is a bucket further on purpose."""
    gateway = desk.gateway()
    desk.fetch(gateway, kind)
    last = "2026-11-02T23:59:59", "2026-11-03T00:00:00", "2026-11-03 00:00:00", "2026-11-02"
    stamps = (
        str(int(gateway.books.now.timestamp()) - 6 * 3600),
        str(int(gateway.books.now.timestamp()) - 6 * 3600 - 1),
    )
    ends = {"end", "end_timestamp", "end_date", "end_time", "date", "starting_at"}
    asked = [value for request in gateway.requests for name, value in request.query if name in ends]
    assert asked
    for value in asked:
        assert value[:19] <= max(last) if "-" in value else value <= max(stamps)


def test_a_window_waits_until_it_has_settled(desk: Any, kit: Any) -> None:
    """The second day ends at midnight; with 15 minutes of settling it is not requested at 00:10."""
    gateway = desk.gateway(now=kit.start + timedelta(days=2, minutes=10))
    assert desk.fetch(gateway, "infery", streams=("usage_api",)).windows == 1
    gateway.books.now += timedelta(minutes=5)
    assert desk.fetch(gateway, "infery", streams=("usage_api",)).windows == 1


@pytest.mark.parametrize(
    ("kind", "stream"),
    [("infery", "usage_api"), ("new_api", "logs"), ("litellm", "spend_logs_api")],
)
@pytest.mark.parametrize("hours", [24, 6])
def test_a_row_exactly_on_the_boundary_is_counted_once(
    desk: Any, kit: Any, kind: str, stream: str, hours: int
) -> None:
    """12 rows on the first day, 4 on the second: at 00:00:00 sharp, 01:00, 06:00 sharp and 23:00."""
    gateway = desk.gateway()
    result = desk.fetch(gateway, kind, streams=(stream,), window_hours=hours)
    assert result.rows == 16
    records = [
        json.loads(body) for name, body in kit.landed(desk.home, hidden=True).items() if "/.windows/" in name
    ]
    assert sum(record["rows"] for record in records) == 16
    on_midnight = [record["rows"] for record in records if record["window"].startswith("20261102T000000Z")]
    assert on_midnight == [4 if hours == 24 else 2]


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("end", ["exclusive", "inclusive"])
def test_infery_loses_no_row_whatever_its_end_means(desk: Any, kit: Any, inclusive: bool, end: str) -> None:
    """Only `inclusive` against an exclusive end could lose one: a row in the day's last millisecond."""
    gateway = desk.gateway(infery_end_inclusive=inclusive)
    result = desk.fetch(gateway, "infery", streams=("usage_api",), end=end)
    assert result.rows == 16
    found = [row["request_id"] for body in kit.landed(desk.home).values() for row in rows_on(body)]
    assert len(set(found)) == 16
    assert len(found) == (17 if inclusive and end == "exclusive" else 16)


def test_windows_map_to_each_api_s_own_ends(kit: Any) -> None:
    window = Window.day(kit.start.date())
    found = {}
    for kind, module in MODULES.items():
        feed = module.feeds(kit.settings_for(kind, "http://127.0.0.1:9"))[0]
        found[kind] = dict(feed.request(window, feed.first_cursor).params)
    assert found["infery"]["end"] == "2026-11-02T00:00:00.000Z"
    assert found["new_api"]["start_timestamp"] == "1793491200"
    assert found["new_api"]["end_timestamp"] == "1793577599"
    assert found["litellm"]["end_date"] == "2026-11-02 00:00:00"
    assert found["openrouter"] == {"date": "2026-11-01", "group_by": "workspace"}
    assert (found["openai"]["start_time"], found["openai"]["end_time"]) == ("1793491200", "1793577600")
    assert found["anthropic"]["ending_at"] == "2026-11-02T01:00:00Z", "a bucket of an hour more"


def test_an_old_build_is_read_from_page_zero_without_a_total(desk: Any, kit: Any) -> None:
    gateway = desk.gateway(new_api_old_build=True)
    result = desk.fetch(gateway, "new_api", streams=("logs",))
    assert result.rows == 16
    found = [row["request_id"] for body in kit.landed(desk.home).values() for row in rows_on(body)]
    assert sorted(found) == sorted(set(found))
    assert len(found) == 16


def test_the_quota_of_a_window_is_held_against_the_gateway_s_own_sum(desk: Any, kit: Any) -> None:
    """Ten of the first day's items consume: 10 x 1000 + (0+1+2+3+5+6+7+8+10+11); three of the second's."""
    desk.fetch(desk.gateway(), "new_api", streams=("logs",))
    records = [
        json.loads(body) for name, body in kit.landed(desk.home, hidden=True).items() if "/.windows/" in name
    ]
    assert [(record["control"], record["counted"]) for record in records] == [(10053, 10053), (3040, 3040)]


def test_openrouter_is_fetched_for_the_last_thirty_days_only(desk: Any, kit: Any) -> None:
    gateway = desk.gateway()
    result = desk.fetch(gateway, "openrouter", since=(kit.start - timedelta(days=40)).date())
    assert result.windows == 30
    assert result.findings == [
        "openrouter: activity has 12 windows, 2026-09-22 to 2026-10-03, that never landed and that the API no"
        " longer has; move since"
    ]


def test_the_first_fetch_goes_back_thirty_days_unless_configured(desk: Any) -> None:
    assert desk.fetch(desk.gateway(), "infery", since=None, streams=("usage_api",)).windows == 30


def test_the_documented_openai_pages_are_understood(shared_data: Path, kit: Any) -> None:
    """Every documented example is one page with one bucket; only completions announces another page."""
    examples = json.loads(
        gzip.decompress((shared_data / "usage_api/openai_usage_cost_examples.json.gz").read_bytes())
    )
    endpoints = tuple(name.rsplit("/", 1)[1] for name in examples if "/usage/" in name)
    feeds = openai.feeds(kit.settings_for("openai", "http://127.0.0.1:9", endpoints=endpoints))
    assert len(feeds) == len(examples)
    for feed in feeds:
        page = feed.page(examples[feed.path.removeprefix("/v1")], Window.day(date(2024, 11, 1)), None, 0)
        assert (page.entries, len(page.rows)) == (1, 1)
        assert page.rows[0].at.isoformat() == "2024-11-01T00:00:00+00:00"
        assert (page.following is not None) == examples[feed.path.removeprefix("/v1")]["has_more"]


def test_readers_of_landing_do_not_see_the_records(desk: Any) -> None:
    desk.fetch(desk.gateway(), "infery", streams=("usage_api",))
    assert (desk.home.landing / "infery" / ".windows").is_dir()
    sources = load_sources(desk.home)
    found = [*problems(desk.home, sources), *read(desk.home, sources)]
    assert found
    assert ".windows" not in str(found)
