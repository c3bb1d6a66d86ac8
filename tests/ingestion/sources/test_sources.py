"""sources.yml, and what stands in for it."""

from __future__ import annotations

import pytest

from ingestion.connectors import CONNECTORS
from ingestion.home import Home
from ingestion.sources import SourcesError, load, load_sources


def test_without_a_file_every_folder_of_a_known_connector_is_a_source(home):
    for folder in ("litellm/logs", "infron/logs", "unheard-of/logs"):
        (home.landing / folder).mkdir(parents=True)
    assert [(source.name, source.connector, source.streams) for source in load_sources(home)] == [
        (name, name, CONNECTORS[name].stream_names()) for name in ("infron", "litellm")
    ]
    assert load(home).stripe is None


def test_an_empty_home_has_no_sources(home):
    assert load_sources(home) == []


def test_a_source_may_be_named_at_will_and_its_connector_defaults_to_its_name(home):
    home.sources_file.write_text(
        "sources:\n  eu-1: {connector: infron, time_zone: Europe/London}\n  infery:\nstripe: {mode: sandbox}\n"
    )
    assert [(source.name, source.connector, source.time_zone) for source in load_sources(home)] == [
        ("eu-1", "infron", "Europe/London"),
        ("infery", "infery", "UTC"),
    ]
    assert load(home).stripe.mode == "sandbox"


@pytest.mark.parametrize(
    ("text", "livemode"),
    [("mode: live", True), ("mode: test", False), ("mode: live, livemode: false", False)],
)
def test_live_payments_are_expected_exactly_in_live_mode(home, text, livemode):
    home.sources_file.write_text(f"stripe: {{{text}}}")
    assert load(home).stripe.livemode is livemode


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sources: {a: {connector: infro}}",
            "sources.yml: sources.a.connector: 'infro' is not a connector; write one of "
            + ", ".join(sorted(CONNECTORS)),
        ),
        (
            "sources: {a: {connector: infron, time_zone: CEST2}}",
            "sources.yml: sources.a.time_zone: 'CEST2' is not a time zone; write an IANA",
        ),
        (
            "sources: {a: {connector: infron, streams: [chats]}}",
            "sources.yml: sources.a: infron has no stream 'chats'; write one of logs",
        ),
        (
            "sources: {a: {connector: infron, colour: red}}",
            "sources.yml: sources.a.colour: unknown setting; remove it or correct its spelling",
        ),
        (
            "sources: {A B: {connector: infron}}",
            "sources.yml: sources.A B: 'A B' cannot be a folder name; write small letters",
        ),
        ("sources: {../x: {connector: infron}}", "cannot be a folder name"),
        ("sources: [infron]", "sources.yml: sources must be names with settings below; write sources:"),
        ("sources: {a: infron}", "sources.yml: sources.a must be settings; write a: {connector: infron}"),
        ("- infron", "must hold `sources:` and its entries, not list"),
        ("sources: {a: {connector", "not valid YAML"),
        (
            "stripe: {mode: production}",
            "sources.yml: stripe.mode: must be 'sandbox', 'test' or 'live'",
        ),
        ("source: {}", "sources.yml: source: unknown setting"),
        ("sources: {a: {connector: [infron]}}", "sources.yml: sources.a.connector: must be text"),
        (
            "sources: {a: {connector: infron, streams: logs}}",
            "sources.yml: sources.a.streams: must be a list",
        ),
        ("stripe: true", "sources.yml: stripe: must be settings with names, such as {mode: test}"),
        ("sources: {infery: {api: true}}", "sources.yml: sources.infery.api: must be settings with names"),
        ("sources: {a: {connector: infron}, a: {connector: infery}}", "a occurs twice; keep one of them"),
        (
            "stripe: {mode: live, api_key_env: rk_live_0123456789}",
            "sources.yml: stripe.api_key_env: must be the name of an environment variable, not a token",
        ),
    ],
)
def test_a_mistake_is_reported_with_file_key_and_what_to_write(home, text, message):
    home.sources_file.write_text(text)
    with pytest.raises(SourcesError) as error:
        load_sources(home)
    assert message in str(error.value)


def test_invalid_yaml_is_reported_with_the_name_of_the_file(home):
    home.sources_file.write_text("sources: {a: {connector: infron, api: &b [*b]}}")
    with pytest.raises(SourcesError, match=r"sources\.yml: .*refers to itself"):
        load_sources(home)


def test_names_that_are_no_text_are_reported(home):
    home.sources_file.write_text("1: 2\nsources: {3: {connector: infron, 4: 5}}")
    with pytest.raises(SourcesError, match=r"sources\.yml: 1"):
        load_sources(home)


def test_a_sources_file_of_version_0_2_with_dialect_is_read(home: Home) -> None:
    home.sources_file.write_text("sources:\n  a: {connector: aisa}\n  b: {dialect: aisa}\n")
    assert [source.connector for source in load_sources(home)] == ["aisa", "aisa"]
