"""The words of messages: escaped in HTML, one line in plain text, cut, without secrets and outside requests."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

from dagster_project.alerts import rendering
from dagster_project.alerts.alert import Alert, Kind
from dagster_project.alerts.outbox import NEW, RESOLVED, Notification

DAY = date(2026, 11, 4)


def alert(id: str = "m", **changed: object) -> Alert:
    return Alert(
        **{
            "id": id,
            "kind": Kind.INCIDENT,
            "detector": "daily_spend",
            "subject_type": "key",
            "subject_id": "key_1",
            "severity": "medium",
            "status": "open",
            "title": "daily_spend spike: key key_1",
            "reason": "gpt-4o +8.00 USD",
            "next_step": "tollbook incidents m",
            "numbers": (("expected", "2.00 USD"), ("seen", "10.00 USD")),
            **changed,
        }
    )


class Words(HTMLParser):
    """The words of a document, and the tags and addresses in it."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(html: str) -> Words:
    words = Words()
    words.feed(html)
    return words


def test_a_digest_says_new_resolved_and_still_open_the_most_severe_first() -> None:
    news = [
        Notification(NEW, "ops", alert("a", title="the small one", severity="low"), "2026-11-04"),
        Notification(NEW, "ops", alert("b", title="the big one", severity="high"), "2026-11-04"),
        Notification(RESOLVED, "ops", alert("c", title="the old one"), "2026-11-04"),
    ]
    message = rendering.digest("ops", DAY, news, [alert("b"), alert("d", title="the lasting one")])
    assert message.title == "[Tollbook] 2026-11-04: 2 new, 1 resolved, 1 still open"
    in_order = [
        "NEW",
        "the big one",
        "the small one",
        "RESOLVED",
        "the old one",
        "STILL OPEN",
        "the lasting one",
    ]
    for text in (message.title + message.text, "".join(read(message.html).words)):
        places = [text.lower().index(said.lower(), 2 * len(message.title)) for said in in_order]
        assert places == sorted(places)
        for said in ("2.00 USD", "gpt-4o +8.00 USD", "tollbook incidents m", message.id):
            assert said in text
    assert message.severity == "high"


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    name = '</p><script>alert("1")</script><img src=x onerror=y>&amp;'
    message = rendering.immediate(
        Notification(NEW, "ops", alert(title=name, reason=name, next_step=name), "2026-11-04"), DAY
    )
    found = read(message.html)
    assert not found.tags & {"script", "img"}
    assert "".join(found.words).count(name) >= 3
    assert name in message.text


def test_control_characters_and_new_lines_cannot_forge_a_line() -> None:
    forged = "key_1\n\nRESOLVED\x1b[2J\u202e"
    message = rendering.immediate(Notification(NEW, "ops", alert(title=forged), "2026-11-04"), DAY)
    assert "key_1 RESOLVED\\x1b[2J\\u202e" in message.title
    assert "\nRESOLVED" not in message.text
    assert "\x1b" not in message.html


def test_a_secret_in_a_reason_is_masked() -> None:
    message = rendering.immediate(
        Notification(NEW, "ops", alert(reason="Bearer abcdefgh12345678"), "2026-11-04"), DAY
    )
    assert "abcdefgh" not in message.text + message.html
    assert "[secret]" in message.text


def test_a_long_title_is_cut_for_the_subject_line() -> None:
    message = rendering.immediate(Notification(NEW, "ops", alert(title="x" * 500), "2026-11-04"), DAY)
    assert len(message.title) == 150
    assert message.title.endswith("…")
    assert "x" * 500 in message.text


def test_html_asks_for_nothing_outside_itself() -> None:
    message = rendering.digest("ops", DAY, [Notification(NEW, "ops", alert(), "2026-11-04")], [])
    assert not re.search(r"https?:|src=|href=|url\(|@import", message.html)
