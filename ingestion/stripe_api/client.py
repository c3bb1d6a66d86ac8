"""The only way to reach Stripe: a read-only client that pins what an upgrade could change silently.

    settings (mode, name of the environment variable) ──► key, checked ──► StripeClient

The key is read when the client is made and is held only there. Retries are in calls.py, the sync in incremental.py.
"""

from __future__ import annotations

import os
import re
from typing import Protocol
from urllib.parse import urlsplit

import requests
import stripe

API_VERSION = "2026-10-28.endive"
"""The version the raw columns are read with; objects of another version may name things differently."""

STRIPE_ADDRESS = "https://api.stripe.com"
SANDBOX_KEY = "rk_test_sandbox"
"""Not a secret: the loopback server accepts any test key."""

TIMEOUT_S = (5.0, 30.0)
_NETWORK_RETRIES = 0
"""The SDK does not retry a 429 or a cut-off body and ignores `Retry-After`: calls.py retries instead."""
_KEY = re.compile(r"(sk|rk)_(test|live)_\w+")


class Settings(Protocol):
    """The Stripe settings in sources.yml."""

    @property
    def mode(self) -> str:
        """One of sandbox, test, live."""

    @property
    def api_key_env(self) -> str:
        """Name of the environment variable that holds the key."""


class StripeSettingsError(ValueError):
    """Stripe cannot be reached with these settings; the message says what to set, and never shows a key."""


def make_client(
    settings: Settings, base_address: str = STRIPE_ADDRESS, timeout: tuple[float, float] = TIMEOUT_S
) -> stripe.StripeClient:
    """Return a client for the mode in the settings.

    Args:
        settings: mode, and the name of the environment variable that holds the key.
        base_address: where the API is; in sandbox mode the loopback server's own address.
        timeout: seconds to wait for a connection, and for the next bytes of an answer.

    Raises:
        StripeSettingsError: no key, a key that may do too much, or a key sent where it does not belong.
    """
    key = SANDBOX_KEY if settings.mode == "sandbox" else os.environ.get(settings.api_key_env, "")
    _check(settings, key, base_address)
    stripe.enable_telemetry = False
    session = requests.Session()
    session.trust_env = not _is_loopback(base_address)
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base_address},
        max_network_retries=_NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=timeout, session=session),
    )


def _check(settings: Settings, key: str, base_address: str) -> None:
    """Refuse settings that would leak a key or read the wrong account."""
    variable = settings.api_key_env
    if not key:
        raise StripeSettingsError(f"{variable} is not set; put a restricted, read-only Stripe key into it")
    shape = _KEY.fullmatch(key)
    if shape is None:
        raise StripeSettingsError(f"{variable} holds no Stripe key; one starts with rk_test_ or rk_live_")
    secret, world = shape[1] == "sk", shape[2]
    if secret and world == "live":
        raise StripeSettingsError(
            f"{variable} holds a live secret key; make a restricted key that may only read (rk_live_)"
        )
    if world == "live" and base_address != STRIPE_ADDRESS:
        raise StripeSettingsError(f"a live key is only sent to {STRIPE_ADDRESS}, not to {base_address}")
    if (world == "live") != (settings.mode == "live"):
        raise StripeSettingsError(
            f"{variable} holds a {world} key but stripe.mode in sources.yml is {settings.mode}; change one"
        )
    if settings.mode == "sandbox" and not _is_loopback(base_address):
        raise StripeSettingsError(f"stripe.mode sandbox reads the loopback server only, not {base_address}")


def _is_loopback(address: str) -> bool:
    """Return whether an address is a loopback address."""
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")
