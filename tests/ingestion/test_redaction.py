"""The redactor against the formats that others publish, and both of its forms against each other."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from hashlib import sha256

import duckdb
import pytest
from detect_secrets import plugins
from detect_secrets.plugins.base import RegexBasedDetector
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import redaction

#: Patterns of detect-secrets that are left out, and why.
LEFT_OUT = {
    "ArtifactoryDetector 1": "nine characters after AP: any word in capitals",
    "AWSKeyDetector 1": "the word aws before 40 characters in quotes; an assignment to a secret key is masked",
    "CloudantDetector 0": "the word cloudant before a value, without a sign of assignment",
    "CloudantDetector 1": "the same",
    "IbmCloudIamDetector 0": "the word ibm or cloud before a value, without a sign of assignment",
    "IbmCosHmacDetector 0": "the same",
    "SoftlayerDetector 0": "the same",
    "SoftlayerDetector 1": "a user's path at one provider of servers",
    "NpmDetector 0": "a line of .npmrc whatever its token is; the token is masked",
    "IPPublicDetector 0": "an address is no secret",
}
#: One of each format that a gateway's log meets, made up.
SECRETS = (
    "sk-proj-Zm9vYmFyYmF6cXV4",
    "sk-ant-api03-Zm9vYmFyYmF6cXV4",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "inf_Zm9vYmFyYmF6cXV4",
    "rk_live_Zm9vYmFyYmF6",
    "AIzaSyZm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
    "gsk_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
    "hf_ZmvYmFyYmFcXVZmvYmFyYmFcXVabcdef",
    "xai-Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6",
    "ghp_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4abcd",
    "github_pat_Zm9vYmFyYmF6cXV4_Zm9vYmFy",
    "xoxb-123456789012-abcdefghij",
    "AKIAZM9VYMFYYMF6CXV4",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.Zm9vYmFyYmF6",
    "Bearer Zm9vYmFyYmF6cXV4",
    "Basic Zm9vOmJhcg==",
)
#: Names as people and gateways give them.
NAMES = (
    "gemini-2.5-flash-preview-09-2025",
    "google-ai-studio/gemini-2.5-flash",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "accounts/fireworks/models/deepseek-v3p1",
    "hf:meta-llama/Llama-3.1-70B-Instruct",
    "prod-web",
    "key_12",
    "Basic subscription",
    "gen-1793517719-Zm9vYmFyYmF6cXV4",
    "chatcmpl-8e2f1c7ab3d94f5e",
    "20261101072159391",
    "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "max_tokens: 4096000 exceeds the limit of 128000",
    "user@example.com",
)

_texts = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [*SECRETS, *NAMES, "authorization", "api_key", "=", ": ", '"', "\\", "é", "日本", "\n"]
        ),
    ),
    max_size=6,
).map("".join)
_json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=6,
)


def _in_sql(expressions: str, texts: list[str]) -> list[tuple[str, ...]]:
    """Evaluate expressions over `given`, for each text."""
    return duckdb.execute(
        f"select {expressions} from (select unnest(?::varchar[]) as given)", [texts]
    ).fetchall()


def _published_patterns() -> Iterator[object]:
    for module in pkgutil.iter_modules(plugins.__path__):
        loaded = importlib.import_module(f"{plugins.__name__}.{module.name}")
        for name, detector in sorted(vars(loaded).items()):
            is_own = isinstance(detector, type) and detector.__module__ == loaded.__name__
            if is_own and issubclass(detector, RegexBasedDetector) and hasattr(detector.denylist, "__iter__"):
                for number, pattern in enumerate(detector.denylist):
                    if f"{name} {number}" not in LEFT_OUT:
                        yield pytest.param(pattern, id=f"{name} {number}")


@pytest.mark.parametrize("pattern", list(_published_patterns()))
def test_what_detect_secrets_finds_is_masked(pattern: re.Pattern[str]):
    of_ascii = re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII)
    secrets = st.from_regex(of_ascii, fullmatch=True)
    if pattern.pattern.startswith("://"):
        # The quote that ends a JSON string ends an address, too.
        secrets = secrets.filter(lambda secret: '"' not in secret)

    @settings(max_examples=10, deadline=None, database=None)
    @given(secrets)
    def is_masked(secret: str) -> None:
        assert not pattern.search(redaction.masked(secret))

    is_masked()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "key {} refused", "?key={}&v=1", '{{"a":"{}"}}', "({})", "{}, again {}"]
)
def test_a_secret_is_masked_wherever_it_stands(secret: str, around: str):
    shown = redaction.masked(around.format(secret, secret))
    assert secret not in shown
    assert secret.rpartition(" ")[2] not in shown


@pytest.mark.parametrize("secret", SECRETS)
def test_a_name_that_holds_a_secret_becomes_its_hash(secret: str):
    name = f"prod {secret}"
    assert _in_sql(redaction.pseudonym_sql("given"), [name]) == [(sha256(name.encode()).hexdigest(),)]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_as_it_is(name: str):
    assert redaction.masked(name) == name
    assert _in_sql(redaction.pseudonym_sql("given"), [name]) == [(name,)]


@pytest.mark.parametrize(
    "assignment",
    [
        "password=hunter22",
        "api_key: abcdef123",
        '"authorization":"abcdef123"',
        "Secret => abcdef123",
        "X-Api-Key=abcdef123",
    ],
)
def test_a_value_after_a_secret_name_is_masked(assignment: str):
    shown = redaction.masked(assignment)
    assert "hunter22" not in shown
    assert "abcdef123" not in shown
    assert shown.count('"') == assignment.count('"')


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("authorization", True),
        ("x-api-key", True),
        ("proxy.Authorization", True),
        ("client_secret", True),
        ("token", True),
        ("access_token", True),
        ("max_tokens", False),
        ("token_name", False),
        ("cached_tokens", False),
        ("region", False),
    ],
)
def test_the_name_decides_whether_a_value_is_secret(name: str, is_secret: bool):
    named = [name, f'"{name}"']
    assert _in_sql(redaction.is_secret_name_sql("given"), named) == [(is_secret,)] * 2


def test_text_of_people_is_not_kept_and_text_of_programs_is():
    written = '{"note":"please call me","at":"2026-11-01 07:21:59","tier":"eu-west","n":[1,"two words"]}'
    [(kept,)] = _in_sql(redaction.kept_json_sql("given"), [written])
    assert json.loads(kept) == {
        "note": "[text]",
        "at": "2026-11-01 07:21:59",
        "tier": "eu-west",
        "n": [1, "[text]"],
    }


@pytest.mark.parametrize("name", ["please tell me a joke", "sk-proj-Zm9vYmFyYmF6cXV4", "x" * 5000])
def test_the_name_of_a_field_is_shown_short_and_without_what_it_should_not_hold(name: str):
    shown = redaction.shown_name(name)
    assert len(shown) <= redaction.LONGEST_NAME
    assert "joke" not in shown
    assert "Zm9v" not in shown


@settings(max_examples=25, deadline=None, database=None)
@given(st.lists(_texts.filter(lambda text: "\0" not in text), min_size=1, max_size=30))
def test_python_and_sql_redact_alike_and_a_name_with_a_secret_is_its_hash(texts: list[str]):
    in_sql = _in_sql(f"{redaction.masked_sql('given')}, {redaction.pseudonym_sql('given')}", texts)
    masked = [redaction.masked(text) for text in texts]
    assert in_sql == [
        (shown, text if shown == text else sha256(text.encode()).hexdigest())
        for text, shown in zip(texts, masked, strict=True)
    ]


@settings(max_examples=25, deadline=None, database=None)
@given(st.lists(_json_values, min_size=1, max_size=20))
def test_in_json_texts_of_people_and_secrets_are_replaced_and_it_stays_json(values: list[object]):
    def kept(string: re.Match[str]) -> str:
        is_written = redaction.shown_name(string[0]) == redaction.WRITTEN
        return f'"{redaction.WRITTEN}"' if is_written else string[0]

    written = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    in_sql = [text for (text,) in _in_sql(redaction.kept_json_sql("given"), written)]
    strings = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
    assert in_sql == [redaction.masked(strings.sub(kept, text)) for text in written]
    for text in in_sql:
        json.loads(text)
