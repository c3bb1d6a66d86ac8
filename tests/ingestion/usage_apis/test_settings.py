"""`api:` settings name the key and what to write instead, and never take a token."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ingestion.usage_apis import ApiSettings, with_kind
from ingestion.usage_apis.settings import KINDS, Rate

READ = TypeAdapter(ApiSettings)
GOOD = {"kind": "infery", "url": "https://api.infery.example", "token_env": "INFERY_TOKEN"}


@pytest.mark.parametrize("connector", KINDS)
def test_the_kind_of_an_api_follows_from_the_connector(connector: str) -> None:
    source = {"connector": connector, "api": {"url": "https://gateway.example/", "token_env": "TOKEN"}}
    found = READ.validate_python(with_kind(source)["api"])
    assert (found.kind, found.url) == (KINDS[connector], "https://gateway.example")


def test_a_connector_without_an_api_is_an_error() -> None:
    with pytest.raises(ValueError, match="infron has no usage API"):
        with_kind({"connector": "infron", "api": {"token_env": "TOKEN"}})


def test_settings_without_an_api_stay_as_they_are() -> None:
    assert with_kind({"connector": "infron"}) == {"connector": "infron"}


def test_providers_need_only_a_token() -> None:
    assert READ.validate_python({"kind": "openai", "token_env": "ADMIN_KEY"}).url == "https://api.openai.com"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"url": "ftp://x.example"}, "must be the address of the API"),
        ({"url": "https://ann:secret@x.example"}, "must be an address alone"),
        ({"url": "https://x.example/?key=1"}, "must be an address alone"),
        ({"url": "http://x.example"}, "url must start with https://"),
        ({"token_env": "inf_live_abcdef"}, "must be the name of an environment variable, not a token"),
        ({"window_hours": 5}, "a day must be a whole number of windows"),
        ({"group_by": ["colour"]}, "Input should be 'model', 'key' or 'member'"),
        ({"end": "open"}, "Input should be 'exclusive' or 'inclusive'"),
        ({"page_size": 10}, "Extra inputs are not permitted"),
        ({"rate": {"calls": 0, "seconds": 60}}, "greater than or equal to 1"),
        ({"rate": {"calls": 60}}, "Field required"),
    ],
)
def test_a_wrong_setting_reports_what_to_write(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        READ.validate_python({**GOOD, **change})
    assert complaint in caught.value.errors()[0]["msg"]


def test_new_api_is_called_within_its_limit_by_default() -> None:
    new_api = {**GOOD, "kind": "new_api"}
    assert READ.validate_python(new_api).rate == Rate(calls=180, seconds=180)
    assert READ.validate_python({**new_api, "rate": None}).rate is None
    assert READ.validate_python(GOOD).rate is None


def test_a_trusted_network_may_do_without_encryption() -> None:
    assert READ.validate_python({**GOOD, "url": "http://litellm:4000", "allow_http": True})
    assert READ.validate_python({**GOOD, "url": "http://127.0.0.1:4000"})


def test_reading_settings_does_not_load_the_http_client() -> None:
    """Every command reads sources.yml; few of them call an API."""
    code = (
        "import sys, ingestion.usage_apis.settings; print('httpx' in sys.modules, 'tenacity' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
