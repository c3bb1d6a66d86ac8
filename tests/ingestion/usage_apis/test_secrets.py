"""A token goes into one header of a request and nowhere else."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from ingestion.sandbox.servers.loopback import Fault, Rule, refusing, saying
from ingestion.usage_apis import CallFailed, TokenMissing, UsageApiError

KINDS = ["infery", "new_api", "litellm", "openrouter", "openai", "anthropic"]


@pytest.mark.parametrize(
    "fault",
    [
        None,
        refusing(401),
        refusing(404, "the key test_c0ffee5ecret is not known"),
        saying({"success": False, "data": None, "message": "bad token test_c0ffee5ecret"}),
        Fault("reset"),
    ],
    ids=["none", "401", "404 that repeats the token", "200 that repeats the token", "reset"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_file_log_or_error_holds_the_token(
    desk: Any, kit: Any, caplog: pytest.LogCaptureFixture, kind: str, fault: Fault | None
) -> None:
    """The HTTP client logs every step of a request at DEBUG; it is heard too."""
    gateway = desk.gateway(script=[] if fault is None else [Rule(kit.pattern(kind), None, fault)])
    said = ""
    with caplog.at_level(logging.DEBUG):
        try:
            desk.fetch(gateway, kind)
        except UsageApiError as error:
            said = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
    assert (fault is None) == (said == "")
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert kit.token not in caplog.text
    assert kit.token not in said
    for path in desk.home.root.rglob("*"):
        assert kit.token not in path.name
        assert path.is_dir() or kit.token.encode() not in path.read_bytes()
    assert kit.token not in repr(gateway.requests)


def test_messages_of_a_gateway_are_shown_without_the_token(desk: Any) -> None:
    fault = refusing(404, "the key test_c0ffee5ecret\nis not known")
    with pytest.raises(CallFailed, match=r"404: the key \*\*\* is not known"):
        desk.fetch(desk.gateway(script=[Rule(".", None, fault)]), "infery")


@pytest.mark.parametrize("value", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_a_token_that_cannot_be_sent_is_named_by_its_variable(
    desk: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    gateway = desk.gateway()
    monkeypatch.setenv("GATEWAY_TOKEN", value)
    with pytest.raises(TokenMissing, match="GATEWAY_TOKEN") as caught:
        desk.fetch(gateway, "infery")
    assert not value.strip() or value not in str(caught.value)
    assert gateway.requests == []


def test_an_unset_token_is_named_by_its_variable(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_TOKEN")
    with pytest.raises(TokenMissing, match="GATEWAY_TOKEN is not set"):
        desk.fetch(desk.gateway(), "infery")


@pytest.mark.parametrize("value", ["", "ann", "7\r\nX-Evil: 1"])
def test_a_user_is_a_number(desk: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GATEWAY_USER", value)
    with pytest.raises(TokenMissing, match="GATEWAY_USER must hold the account's number"):
        desk.fetch(desk.gateway(), "new_api")
