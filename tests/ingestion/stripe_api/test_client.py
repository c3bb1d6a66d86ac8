"""Which keys a client is made with, where it sends them, and what it states."""

from __future__ import annotations

import pytest
import stripe

from ingestion.stripe_api.client import API_VERSION, StripeSettingsError, make_client

from .conftest import Serve, Settings, intent

VARIABLE = Settings.api_key_env
LOOPBACK = "http://127.0.0.1:12111"


@pytest.mark.parametrize(
    ("mode", "key", "address", "message"),
    [
        ("test", "", "https://api.stripe.com", "is not set"),
        ("test", "pk_test_1", "https://api.stripe.com", "holds no Stripe key"),
        ("live", "sk_live_1", "https://api.stripe.com", "make a restricted key"),
        ("live", "rk_live_1", LOOPBACK, "only sent to https://api.stripe.com"),
        ("test", "rk_live_1", "https://api.stripe.com", "stripe.mode in sources.yml is test"),
        ("live", "rk_test_1", "https://api.stripe.com", "stripe.mode in sources.yml is live"),
        ("sandbox", "", "https://api.stripe.com", "loopback server only"),
    ],
)
def test_a_key_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, mode: str, key: str, address: str, message: str
) -> None:
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(StripeSettingsError, match=message) as refused:
        make_client(Settings(mode), address)
    assert not key or key not in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "key"), [("live", "rk_live_1"), ("test", "rk_test_1"), ("test", "sk_test_1")]
)
def test_a_key_that_may_be_used_is_taken(monkeypatch: pytest.MonkeyPatch, mode: str, key: str) -> None:
    monkeypatch.setenv(VARIABLE, key)
    assert isinstance(make_client(Settings(mode)), stripe.StripeClient)
    assert stripe.enable_telemetry is False


def test_the_key_is_read_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    server = serve(payment_intents=[intent(1, 100)])
    monkeypatch.setenv(VARIABLE, "rk_test_first")
    assert make_client(Settings("test"), server.url).v1.payment_intents.list().data
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(StripeSettingsError):
        make_client(Settings("test"), server.url)


def test_every_request_states_the_pinned_version(serve: Serve) -> None:
    server = serve(payment_intents=[intent(1, 100)])
    make_client(Settings(), server.url).v1.payment_intents.list()
    assert server.versions == [API_VERSION]


def test_the_pinned_version_is_the_one_the_sdk_was_made_for() -> None:
    """An upgrade of the SDK fails here, so that the changes are read before the version is raised."""
    assert stripe.api_version == API_VERSION
