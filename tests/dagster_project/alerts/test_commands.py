"""`tollbook alerts`: test, acknowledge, suppress, list, check."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dagster_project.alerts.delivery import send_alerts
from dagster_project.alerts.nights import NightFacts
from dagster_project.cli import app
from ingestion.config import write_config
from ingestion.home import Home
from tests.dagster_project.alerts.conftest import SECRET, MailServer, Webhook, incident, publish

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PUBLISHED = NightFacts(is_published=True)


def alerts(home: Home, *arguments: str):
    return CliRunner().invoke(app, ["alerts", *arguments, "--home", str(home.root)])


def test_a_test_reaches_the_channel_it_names(home: Home, mail: MailServer, webhook: Webhook) -> None:
    ended = alerts(home, "test", "hook")
    assert (ended.exit_code, ended.stdout) == (0, "sent: [Tollbook] test of the channel hook\n")
    assert (len(webhook.requests), len(mail.messages)) == (1, 0)
    assert alerts(home, "test").exit_code == 0
    assert (len(webhook.requests), len(mail.messages)) == (2, 1)
    assert not home.alerts.exists()


def test_a_test_says_why_a_channel_does_not_work(home: Home, webhook: Webhook) -> None:
    webhook.is_down = True
    ended = alerts(home, "test", "hook")
    assert ended.exit_code == 3
    assert "503" in ended.stdout
    assert SECRET not in ended.stdout


@pytest.mark.parametrize("url", ["nonsense", "klingon://host", "json://"])
def test_a_url_that_cannot_be_used_is_not_shown(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TOLLBOOK_ALERT_URL_OPS", f"{url}{SECRET if url != 'json://' else ''}")
    ended = alerts(home, "test")
    assert (ended.exit_code, ended.stdout) == (3, "ops: its URL is not one that apprise can use\n")


def test_a_channel_nobody_knows_ends_with_2_and_what_to_write(home: Home) -> None:
    ended = alerts(home, "test", "pager")
    assert ended.exit_code == 2
    assert "TOLLBOOK_ALERT_URL_PAGER" in ended.stderr
    assert "TOLLBOOK_ALERT_URL_OPS" in alerts(home, "test").stderr


def test_what_is_acknowledged_is_not_told_as_open_until_its_day_is_over(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcome on the fourth; a second low incident brings a digest on the fifth and a third on the sixth."""
    rows = [incident(f"id{n}", subject_id=f"key_{n}", severity="low") for n in range(3)]
    publish(home, rows[:1])
    send_alerts(home, PUBLISHED)
    assert alerts(home, "acknowledge", "id0", "--until", "2026-11-05", "--reason", "load test").exit_code == 0
    for number, day in ((2, "2026-11-05"), (3, "2026-11-06")):
        monkeypatch.setenv("TOLLBOOK_TODAY", day)
        publish(home, rows[:number])
        send_alerts(home, PUBLISHED)
    assert webhook.titles == [
        "[Tollbook] 2026-11-04: 1 new",
        "[Tollbook] 2026-11-05: 1 new",
        "[Tollbook] 2026-11-06: 1 new, 2 still open",
    ]


def test_an_acknowledged_incident_is_told_when_it_is_resolved(home: Home, webhook: Webhook) -> None:
    publish(home, [incident("id0")])
    send_alerts(home, PUBLISHED)
    alerts(home, "acknowledge", "id0", "--until", "2026-12-31", "--reason", "ours")
    publish(home, [incident("id0", status="resolved")])
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 2


def test_what_is_suppressed_is_told_after_it_if_it_is_still_open(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, [incident(), incident("a2", subject_id="key_2")])
    ended = alerts(
        home,
        *("suppress", "--detector", "daily_spend", "--subject", "key_1"),
        *("--until", "2026-11-05", "--reason", "migration"),
    )
    assert (ended.exit_code, ended.stdout) == (0, "suppressed until 2026-11-05: daily_spend, key_1\n")
    for day in ("2026-11-04", "2026-11-05"):
        monkeypatch.setenv("TOLLBOOK_TODAY", day)
        send_alerts(home, PUBLISHED)
        assert ["key_2" in title for title in webhook.titles] == [True]
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-06")
    send_alerts(home, PUBLISHED)
    assert "key_1" in webhook.titles[1]


def test_nobody_can_suppress_everything_or_without_a_reason(home: Home) -> None:
    everything = alerts(home, "suppress", "--until", "2026-11-05", "--reason", "quiet")
    assert everything.exit_code == 2
    assert "write a detector, a subject_id or a source" in everything.stderr
    ended = alerts(home, "suppress", "--source", "aisa", "--until", "2026-11-05", "--reason", " ")
    assert ended.exit_code == 2
    assert "reason: is empty; write a value" in ended.stderr


def test_what_was_said_is_configuration_that_a_night_reads(home: Home) -> None:
    """Saying it again replaces the row."""
    publish(home, [incident("id0")])
    for day in ("2026-11-05", "2026-11-09"):
        alerts(home, "acknowledge", "id0", "--until", day, "--reason", 'a "test", ours')
        alerts(home, "suppress", "--source", "aisa", "--until", day, "--reason", "moved")
    assert (home.config / "incident_acknowledgements.csv").read_text() == (
        'anomaly_id,until_date,reason\nid0,2026-11-09,"a ""test"", ours"\n'
    )
    write_config(home)
    assert home.config_table("alert_suppressions").exists()


def test_an_id_that_names_nothing_ends_with_1(home: Home) -> None:
    publish(home, [incident("id0"), incident("id1", subject_id="key_2")])
    for asked in ("zz", "id"):
        ended = alerts(home, "acknowledge", asked, "--until", "2026-11-05", "--reason", "x")
        assert ended.exit_code == 1
        assert "tollbook incidents" in ended.stderr


def test_a_table_somebody_broke_is_told_with_its_line_and_nothing_is_lost(
    home: Home, webhook: Webhook
) -> None:
    home.config.mkdir()
    (home.config / "alert_suppressions.csv").write_text("detector,until_date,reason\nx,soon,y\n")
    publish(home, [incident()])
    [said] = send_alerts(home, PUBLISHED).undelivered
    assert "config/alert_suppressions.csv:2: until_date: " in said
    (home.config / "alert_suppressions.csv").unlink()
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 1


def test_the_list_has_everything_but_urls(home: Home, webhook: Webhook) -> None:
    webhook.is_down = True
    publish(home, [incident(), incident("a2", subject_id="key_2", severity="low")])
    send_alerts(home, PUBLISHED)
    alerts(home, "acknowledge", "a2", "--until", "2026-11-05", "--reason", "ours")
    for ended in (alerts(home, "list"), alerts(home, "list", "--json")):
        assert ended.exit_code == 0
        assert SECRET not in ended.stdout
    text = alerts(home, "list").stdout
    for said in ("channels  hook", "route     hook", "open      a1", "unsent    hook", "known     a2 until"):
        assert said in text
    told = json.loads(alerts(home, "list", "--json").stdout)
    assert [one["title"].partition(":")[0] for one in told["unsent"]]


def test_a_check_of_a_home_that_is_well_says_so(home: Home) -> None:
    ended = alerts(home, "check")
    assert (ended.exit_code, ended.stdout) == (0, "all well\n")


def test_a_check_finds_a_missing_night_without_any_channel(home: Home) -> None:
    home.landing.mkdir()
    ended = alerts(home, "check")
    assert ended.exit_code == 3
    assert "no night has finished in time: last finished night never" in ended.stdout
