"""Alerts reach a mail server and a webhook once, over reruns, kills, restated days and receivers that are down."""

from __future__ import annotations

import json
import signal

import pytest
from night_process import night, tollbook

from dagster_project.alerts.delivery import send_alerts
from dagster_project.alerts.nights import NightFacts
from ingestion.home import Home
from tests.dagster_project.alerts.conftest import (
    SECRET,
    MailServer,
    Webhook,
    budget,
    incident,
    publish,
    wallet_day,
)

# apprise imports imghdr where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PUBLISHED = NightFacts(is_published=True)


def next_day(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("TOLLBOOK_TODAY", day)


def test_a_serious_incident_is_sent_at_once_to_every_channel_and_never_again(
    home: Home, mail: MailServer, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, [incident()])
    told = send_alerts(home, PUBLISHED)
    assert told.undelivered == ()
    assert len(told.sent) == 2
    for day in ("2026-11-04", "2026-11-05", "2026-11-06"):
        next_day(monkeypatch, day)
        assert send_alerts(home, PUBLISHED).sent == ()
    [(headers, body)] = webhook.requests
    assert body["title"] == "[Tollbook] new, high: daily_spend spike: key key_1 (infron, workspace ws_1)"
    assert body["message_id"] == headers["X-Tollbook-Message-Id"]
    assert body["message_id"] in body["message"]
    assert "expected:  2.00 USD" in body["message"]
    assert "next:      tollbook incidents a1" in body["message"]
    [message] = mail.messages
    assert message["Subject"] == body["title"]
    assert message["X-Tollbook-Message-Id"] != body["message_id"]


def test_mail_has_html_and_plain_text_with_the_same_figures(home: Home, mail: MailServer) -> None:
    publish(home, [incident()])
    send_alerts(home, PUBLISHED)
    [message] = mail.messages
    assert message.get_content_type() == "multipart/alternative"
    plain, html = (message.get_body(preference).get_content() for preference in (("plain",), ("html",)))
    for said in ("2.00 USD", "8.00 USD", "gpt-4o +8.00 USD", "tollbook incidents a1"):
        assert said in plain
        assert said in html
    assert "excess: 8.00 USD" in plain
    assert str(message["X-Tollbook-Message-Id"]) in plain


def test_every_channel_gets_its_own_id_for_the_same_news(
    home: Home, mail: MailServer, webhook: Webhook
) -> None:
    publish(home, [incident()])
    send_alerts(home, PUBLISHED)
    assert len({*mail.ids, *webhook.ids}) == 2


def test_lesser_incidents_come_in_one_digest_a_day(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two on the fourth, one that is found later that day comes on the fifth."""
    one, two, three = (incident(f"a{n}", subject_id=f"key_{n}", severity="low") for n in (1, 2, 3))
    publish(home, [one, two])
    send_alerts(home, PUBLISHED)
    publish(home, [one, two, three])
    assert send_alerts(home, PUBLISHED).waiting == 1
    assert webhook.titles == ["[Tollbook] 2026-11-04: 2 new"]
    next_day(monkeypatch, "2026-11-05")
    assert send_alerts(home, PUBLISHED).waiting == 0
    assert webhook.titles[1:] == ["[Tollbook] 2026-11-05: 1 new, 2 still open"]
    next_day(monkeypatch, "2026-11-06")
    assert send_alerts(home, PUBLISHED).sent == ()


def test_a_check_leaves_the_digest_of_the_day_to_the_night(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is found after the digest of the fourth; an hourly check on the fifth comes before the night of the fifth."""
    rows = [incident(f"a{n}", subject_id=f"key_{n}", severity="low") for n in range(3)]
    for number in (1, 2):
        publish(home, rows[:number])
        send_alerts(home, PUBLISHED)
    next_day(monkeypatch, "2026-11-05")
    assert send_alerts(home).sent == ()
    publish(home, rows)
    send_alerts(home, PUBLISHED)
    assert webhook.titles[1:] == ["[Tollbook] 2026-11-05: 2 new, 1 still open"]


def test_a_damaged_file_of_alerts_does_not_stop_a_night(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    send_alerts(home, PUBLISHED)
    home.alerts_known.write_text("{")
    [said] = send_alerts(home, PUBLISHED).undelivered
    assert said.startswith("JSONDecodeError")


def test_a_resolved_incident_is_told_once_to_those_who_were_told_of_it(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, [incident()])
    send_alerts(home, PUBLISHED)
    publish(home, [incident(status="resolved")])
    for day in ("2026-11-05", "2026-11-06"):
        next_day(monkeypatch, day)
        send_alerts(home, PUBLISHED)
    assert [title.split(":")[0] for title in webhook.titles] == [
        "[Tollbook] new, high",
        "[Tollbook] resolved, high",
    ]


def test_an_incident_that_is_over_when_it_is_found_is_told_once(home: Home, webhook: Webhook) -> None:
    publish(home, [incident(status="resolved")])
    send_alerts(home, PUBLISHED)
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 1


def test_a_restated_day_that_calls_everything_new_is_told_nothing_of(home: Home, webhook: Webhook) -> None:
    """The marts are written anew: is_new again, another id because the first day moved, other amounts."""
    publish(home, [incident("a1")])
    send_alerts(home, PUBLISHED)
    publish(home, [incident("b7", first_date="2026-11-02", excess_usd="9", is_new=True)])
    send_alerts(home, PUBLISHED)
    publish(home, [incident("b7", first_date="2026-11-02", excess_usd="9", is_new=True)])
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 1
    publish(home, [incident("b7", first_date="2026-11-02", status="resolved")])
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 2


def test_another_incident_of_the_same_key_is_told(home: Home, webhook: Webhook) -> None:
    """As long as the first is still there, or with another detector, it is another incident."""
    publish(home, [incident("a1")])
    send_alerts(home, PUBLISHED)
    publish(home, [incident("a1"), incident("a2", detector="runaway_loop")])
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 2


def test_an_incident_that_a_restatement_takes_away_is_resolved(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    send_alerts(home, PUBLISHED)
    publish(home)
    send_alerts(home, PUBLISHED)
    send_alerts(home, PUBLISHED)
    assert [title.split(",")[0] for title in webhook.titles] == ["[Tollbook] new", "[Tollbook] resolved"]


@pytest.mark.parametrize(
    "moment", ["after naming .json", "after naming known.json", "before naming known.json"]
)
def test_killed_between_decided_and_sent_the_next_call_sends_it_once(
    home: Home, mail: MailServer, webhook: Webhook, moment: str
) -> None:
    publish(home, [incident(), incident("a2", subject_id="key_2", severity="low")])
    assert tollbook(home, "alerts check", kill=moment).code == -signal.SIGKILL
    assert (mail.messages, webhook.requests) == ([], [])
    for _ in range(2):
        tollbook(home, "alerts check")
    for titles in ([message["Subject"] for message in mail.messages], webhook.titles):
        assert sorted(titles) == [
            "[Tollbook] 2026-11-04: 1 new, 1 still open",
            "[Tollbook] new, high: daily_spend spike: key key_1 (infron, workspace ws_1)",
        ]


def test_killed_between_sent_and_noted_it_comes_again_with_the_same_id(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    assert tollbook(home, "alerts check", kill="after sending").code == -signal.SIGKILL
    for _ in range(2):
        tollbook(home, "alerts check")
    assert len(webhook.ids) == 2
    assert len(set(webhook.ids)) == 1


def test_with_the_receiver_down_nothing_is_lost_and_one_that_is_up_gets_it_once(
    home: Home, mail: MailServer, webhook: Webhook
) -> None:
    publish(home, [incident()])
    webhook.is_down = True
    for _ in range(2):
        ended = tollbook(home, "alerts check")
        assert ended.code == 3
        assert "not sent: hook: " in ended.output
        assert "1 message waits for the next run" in ended.output
    webhook.is_down = False
    for _ in range(2):
        tollbook(home, "alerts check")
    assert (len(mail.messages), len(webhook.requests)) == (1, 1)


def test_a_channel_without_a_url_keeps_its_messages(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.config.mkdir()
    home.alert_routes.write_text("routes: [{channels: [hook, pager]}]\n")
    publish(home, [incident()])
    [said] = send_alerts(home, PUBLISHED).undelivered
    assert "pager: no channel of this name has a URL; write TOLLBOOK_ALERT_URL_PAGER" in said
    monkeypatch.setenv("TOLLBOOK_ALERT_URL_PAGER", webhook.url)
    assert send_alerts(home, PUBLISHED).undelivered == ()
    assert len(webhook.requests) == 2


def test_no_secret_is_in_the_home_in_a_message_or_in_what_is_said(
    home: Home, mail: MailServer, webhook: Webhook
) -> None:
    publish(home, [incident(contributors="key sk-live-0123456789abcdef leaked")])
    said = []
    for is_down in (True, False):
        webhook.is_down = is_down
        said.append(tollbook(home, "alerts check").output)
        said.append(tollbook(home, "alerts list").output)
        said.append(tollbook(home, "alerts test").output)
    written = [path.read_text() for path in home.alerts.rglob("*") if path.is_file()]
    told = [message.as_string() for message in mail.messages] + [str(body) for body in webhook.bodies]
    for text in (*said, *written, *told):
        assert SECRET not in text
    for text in told:
        assert "sk-live" not in text
    assert [path for path in home.alerts.rglob("*") if path.stat().st_mode & 0o077] == []


def test_old_incidents_are_not_told_when_alerts_are_set_up(home: Home, webhook: Webhook) -> None:
    """The last one ended on the third of November, the other more than a week before."""
    old = incident("a2", subject_id="key_2", first_date="2026-10-20", last_date="2026-10-21")
    publish(home, [incident(), old])
    for _ in range(2):
        send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 1


def test_what_still_is_open_is_told_again_after_a_week(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, [incident(severity="low")])
    for day in ("2026-11-04", "2026-11-10", "2026-11-11", "2026-11-12"):
        next_day(monkeypatch, day)
        send_alerts(home, PUBLISHED)
    assert webhook.titles == ["[Tollbook] 2026-11-04: 1 new", "[Tollbook] 2026-11-11: 1 still open"]


def test_a_budget_is_told_once_for_each_threshold(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """55, 56, 85 and 101 of 100 USD; at 101 it is high and comes at once."""
    for day, used in (("04", "55"), ("05", "56"), ("06", "85"), ("07", "101"), ("08", "102")):
        next_day(monkeypatch, f"2026-11-{day}")
        publish(home, budgets=[budget(used)])
        send_alerts(home, PUBLISHED)
    assert ["50% used" in body["message"] for body in webhook.bodies] == [True, False, False]
    assert "80% used" in webhook.bodies[1]["message"]
    assert webhook.titles[2] == "[Tollbook] new, high: budget team (workspace ws_1), 2026-11: 100% used"


def test_a_budget_that_jumps_over_thresholds_is_told_once(home: Home, webhook: Webhook) -> None:
    publish(home, budgets=[budget("120")])
    send_alerts(home, PUBLISHED)
    publish(home, budgets=[budget("85")])
    send_alerts(home, PUBLISHED)
    assert len(webhook.requests) == 1


def test_a_budget_whose_forecast_is_above_it_is_told_once(home: Home, webhook: Webhook) -> None:
    publish(home, budgets=[budget("40", forecast="130", forecast_share=1.3)])
    send_alerts(home, PUBLISHED)
    send_alerts(home, PUBLISHED)
    [body] = webhook.bodies
    assert "budget team (workspace ws_1), 2026-11: may be overspent" in body["message"]
    assert "forecast:  130.00 USD, 130.0%" in body["message"]


def test_credits_that_run_out_are_told_once_a_week_and_once_a_day_before(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 credits a day: 90 left are nothing yet, 60 six days, 50 the same week, 0 the last day; then 1000 are bought.

    The last night is run again on a restated day, on which the credits last a day longer.
    """
    bought = wallet_day("2026-11-01", 130, None, granted=130)
    for day, left, run_out in (
        ("05", 90, "2026-11-15"),
        ("08", 60, "2026-11-15"),
        ("09", 50, "2026-11-15"),
        ("14", 0, "2026-11-15"),
        ("14", 10, "2026-11-16"),
        ("15", 0, "2026-11-16"),
    ):
        next_day(monkeypatch, f"2026-11-{day}")
        publish(home, wallet_days=[bought, wallet_day(f"2026-11-{day}", left, run_out)])
        send_alerts(home, PUBLISHED)
    assert webhook.titles == [
        "[Tollbook] 2026-11-08: 1 new",
        "[Tollbook] new, high: credits of infery ws_1 have run out",
    ]
    assert "left:      60 credits" in webhook.bodies[0]["message"]
    again = wallet_day("2026-11-16", 30, "2026-11-20", granted=1000)
    next_day(monkeypatch, "2026-11-16")
    publish(home, wallet_days=[bought, again])
    send_alerts(home, PUBLISHED)
    assert webhook.titles[2:] == ["[Tollbook] 2026-11-16: 1 new"]


def test_a_wallet_without_a_grant_is_not_told_of(home: Home, webhook: Webhook) -> None:
    publish(home, wallet_days=[wallet_day("2026-11-05", 0, "2026-11-06")])
    send_alerts(home, PUBLISHED)
    assert webhook.titles == []


def test_a_silent_source_is_told_once_and_again_when_it_delivers(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Due on the 4th; on the 6th a detector sees it, too, from the 4th on; on the 8th it delivers."""
    quiet = {
        "source": "infron",
        "as_of_date": "2026-11-03",
        "silent_since": "2026-11-04",
        "silent_streams": "logs",
    }
    detected = incident(
        "detected",
        detector="silent_source",
        subject_type="source",
        subject_id="infron",
        workspace_id=None,
        api_key_id=None,
        direction="drop",
        first_date="2026-11-04",
        last_date="2026-11-05",
    )
    for day, incidents, statuses in (
        ("05", [], [quiet]),
        ("06", [detected], [quiet]),
        ("07", [detected], [quiet]),
        ("08", [{**detected, "status": "resolved"}], [{**quiet, "silent_since": None}]),
        ("09", [{**detected, "status": "resolved"}], [{**quiet, "silent_since": None}]),
    ):
        next_day(monkeypatch, f"2026-11-{day}")
        publish(home, incidents, statuses=statuses)
        send_alerts(home, PUBLISHED)
    assert webhook.titles == [
        "[Tollbook] new, high: infron is silent: no delivery of logs since 2026-11-03",
        "[Tollbook] resolved, high: silent_source: source infron",
    ]


def test_what_is_over_is_forgotten_after_400_days_and_what_is_still_found_is_not(
    home: Home, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two incidents is gone on 5 November 2026; 400 days later is 10 December 2027."""
    next_day(monkeypatch, "2026-11-04")
    publish(home, [incident("stays"), incident("goes", subject_id="key_2")])
    send_alerts(home, PUBLISHED)
    publish(home, [incident("stays")])
    for day, known, sent in (("2026-11-05", 2, 3), ("2027-12-10", 2, 3), ("2027-12-11", 1, 1)):
        next_day(monkeypatch, day)
        send_alerts(home, PUBLISHED)
        assert len(json.loads(home.alerts_known.read_text())) == known
        assert len(list(home.alerts_sent.glob("*.json"))) == sent
    next_day(monkeypatch, "2027-12-12")
    send_alerts(home, PUBLISHED)
    assert [title.partition(":")[0] for title in webhook.titles] == [
        *["[Tollbook] new, high"] * 2,
        "[Tollbook] resolved, high",
    ]


def test_marts_of_an_earlier_version_are_told_of_too(home: Home, webhook: Webhook) -> None:
    publish(
        home,
        [incident()],
        without=("subject_type", "subject_id", "status", "evidence_sql", "is_new", "model"),
    )
    send_alerts(home, PUBLISHED)
    assert "key key_1" in webhook.titles[0]


def test_where_no_channel_is_set_up_nothing_is_written(home: Home) -> None:
    publish(home, [incident()])
    assert list(send_alerts(home, PUBLISHED).lines()) == []
    assert not home.alerts.exists()


def test_a_night_whose_alerts_cannot_be_sent_ends_with_3_and_the_next_one_sends_them(
    home: Home, webhook: Webhook
) -> None:
    """One call of a million tokens at 0.15 USD a million, of a budget of 0.25 USD: 60 %, over half."""
    landed = home.landing / "infron" / "logs" / "dt=2026-11-02" / "calls.ndjson"
    landed.parent.mkdir(parents=True)
    landed.write_text(
        '{"request_id":"r1","created_at":"2026-11-01T07:21:59.391Z","model":"openai/gpt-4o-mini",'
        '"status":"success","api_key_id":"key_1","workspace_id":"ws_1",'
        '"usage":{"prompt_tokens":1000000,"completion_tokens":0,"total_tokens":1000000,"cost":0.15}}\n'
    )
    home.config.mkdir()
    (home.config / "budgets.csv").write_text(
        "budget_id,scope,month_usd,valid_from\nall of it,all,0.25,2026-11-01\n"
    )
    webhook.is_down = True
    ended = night(home)
    assert ended.code == 3, ended.output
    assert "not sent: hook: " in ended.output
    assert SECRET not in ended.output
    webhook.is_down = False
    for sent in (1, 0):
        ended = night(home)
        assert ended.code == 0, ended.output
        assert ended.output.count("1 message sent") == sent
    [body] = webhook.bodies
    assert "budget all of it, 2026-11: 50% used" in body["message"]


def test_a_night_that_cannot_start_is_told_and_its_reason(home: Home, webhook: Webhook) -> None:
    home.sources_file.write_text("sources: {east: {connector: klingon}}\n")
    for _ in range(2):
        ended = night(home)
        assert ended.code == 2
    [body] = webhook.bodies
    assert body["title"] == "[Tollbook] new, high: the night failed in startup"
    assert "is not a connector" in body["message"]
