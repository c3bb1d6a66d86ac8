"""Which catalogue model a logged (provider, model) is, and which are listed as unmatched rather than
guessed.
"""

from __future__ import annotations

import polars as pl
import pytest

from ingestion.prices import resolve_models
from ingestion.prices.resolve import AliasConflict, Aliases, Match, resolve

SHIPPED = {
    "google-ai-studio": "google",
    "vertex": "google",
    "vertex_ai": "google",
    "gemini": "google",
    "azure": "azure",
    "bedrock": "aws",
}


def match(provider: str, model: str, models: dict | None = None, providers: dict | None = None) -> Match:
    return resolve(provider, model, Aliases(models or {}, SHIPPED if providers is None else providers))


@pytest.mark.parametrize(
    ("provider", "model", "catalogue_provider", "catalogue_model", "matched_by"),
    [
        ("openai", "gpt-4o", "openai", "gpt-4o", "exact"),
        ("openai", "gpt-4o-2024-08-06", "openai", "gpt-4o", "library"),
        ("openai", "gpt-5.2-20251211", "openai", "gpt-5.2", "library"),
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5", "library"),
        ("google-ai-studio", "gemini-2.5-flash-preview-09-2025", "google", "gemini-2.5-flash", "prefix"),
        ("gemini", "gemini-2.5-flash", "google", "gemini-2.5-flash", "prefix"),
        ("vertex_ai", "claude-3-opus@20240229", "google", "claude-3-opus", "prefix"),
        ("vertex_ai", "google/gemini-2.5-flash", "google", "gemini-2.5-flash", "prefix"),
        ("groq", "openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b", "exact"),
        ("cerebras", "gpt-oss-120b", "cerebras", "gpt-oss-120b", "exact"),
        ("mistral", "mistral-large-latest", "mistral", "mistral-large", "library"),
        ("deepseek", "deepseek-v4-flash", "deepseek", "deepseek-v4-flash", "exact"),
        ("xai", "grok-4", "x-ai", "grok-4-0709", "library"),
        (
            "together_ai",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "together",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "library",
        ),
        ("azure", "o1-2024-12-17", "azure", "o1", "library"),
        ("azure", "gpt-5", "azure", "openai/gpt-5", "library"),
        ("", "openai/gpt-4o", "openai", "gpt-4o", "prefix"),
        ("", "deepseek/deepseek-chat", "deepseek", "deepseek-chat", "prefix"),
        ("", "openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o", "prefix"),
        ("", "gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini", "library"),
        ("", "claude-3-5-haiku-20241022", "anthropic", "claude-3-5-haiku-latest", "library"),
    ],
)
def test_a_name_is_found_under_its_own_provider(
    provider: str, model: str, catalogue_provider: str, catalogue_model: str, matched_by: str
) -> None:
    assert match(provider, model) == Match(catalogue_provider, catalogue_model, matched_by)


def test_bedrock_is_amazon_and_its_price_not_anthropics() -> None:
    found = match("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert (found.provider, found.reason) == ("aws", None)


def test_an_openrouter_slug_keeps_openrouters_price() -> None:
    assert match("openrouter", "openai/gpt-4o") == Match("openrouter", "openai/gpt-4o", "exact")


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("", "no-such-model", "unknown_provider"),
        ("", "llama-3.3-70b", "unknown_provider"),
        ("", "foo/claude-sonnet-4-5", "unknown_provider"),
        ("", "", "unknown_provider"),
        ("openai", "acme-private-7b", "unknown_model"),
        ("openai", "gemini-2.5-pro-preview-05-06", "unknown_model"),
        ("openai", "claude-sonnet-4-5", "unknown_model"),
        ("openai", "deepseek-ai/DeepSeek-R1", "unknown_model"),
        ("openai", "gpt-9", "unknown_model"),
    ],
)
def test_a_model_missing_from_the_catalogue_is_unmatched_with_its_reason(
    provider: str, model: str, reason: str
) -> None:
    assert match(provider, model) == Match(reason=reason)


@pytest.mark.parametrize("provider", ["azure_openai", "my-openai-proxy", "not-anthropic", "vertexish"])
def test_a_provider_is_not_guessed_from_a_part_of_its_name(provider: str) -> None:
    assert match(provider, "gpt-4o") == Match(reason="unknown_provider")


@pytest.mark.parametrize(
    "model", ["deepseek-r1-distill-llama-70b", "deepseek-r1:free", "claude-opus-4.6-fast", "gpt-4o:batch"]
)
def test_a_bare_name_is_not_priced_as_the_model_it_begins_like(model: str) -> None:
    """deepseek-r1-distill-llama-70b begins like deepseek-r1 and is another, cheaper model."""
    assert match("", model) == Match(reason="unknown_model")


def test_without_the_alias_a_gateways_word_for_a_provider_is_unknown() -> None:
    assert match("vertex_ai", "gemini-2.5-flash", providers={}) == Match(reason="unknown_provider")


@pytest.mark.parametrize(
    ("provider", "model"),
    [("cerebras", "qwen-3-coder-480b"), ("openrouter", "google/gemini-2.0-flash-exp:free")],
)
def test_a_model_without_any_price_is_named_but_not_free(provider: str, model: str) -> None:
    assert match(provider, model) == Match(provider, model, "exact", "free_or_unknown")


def test_a_model_alias_decides_before_anything_else() -> None:
    aliases = {
        "openai/resale-gpt-4o": ("openai", "gpt-4o"),
        "prod-chat": ("anthropic", "claude-sonnet-4-5-20250929"),
    }
    assert match("openai", "resale-gpt-4o", aliases) == Match("openai", "gpt-4o", "alias")
    assert match("azure", "resale-gpt-4o", aliases).reason == "unknown_model"
    assert match("azure", "Prod-Chat", aliases) == Match("anthropic", "claude-sonnet-4-5", "alias")


def test_an_alias_out_of_the_catalogue_keeps_its_name_for_an_override() -> None:
    aliases = {"house-7b": ("acme", "acme-private-7b"), "newest": ("openai", "gpt-9")}
    assert match("openai", "house-7b", aliases) == Match(
        "acme", "acme-private-7b", "alias", "unknown_provider"
    )
    assert match("", "newest", aliases) == Match("openai", "gpt-9", "alias", "unknown_model")


def test_every_pair_of_every_manifest_is_resolved_once(home, seen, ruled) -> None:
    ruled("provider_aliases", [{"prefix": "Gemini", "catalogue_provider": "google", "reason": "AI Studio"}])
    ruled(
        "model_aliases",
        [{"model": "house", "catalogue_provider": "openai", "catalogue_model": "gpt-4o", "reason": "ours"}],
    )
    seen(("openai", "gpt-4o"), ("gemini", "gemini-2.5-flash"), (None, "no-such-model"))
    seen(("openai", "gpt-4o"), ("azure", "house"), day="2026-11-02")
    result = resolve_models(home)
    rows = pl.read_parquet(result.path)
    assert rows.drop("catalogue_version").rows() == [
        ("", "no-such-model", None, None, None, "unknown_provider"),
        ("azure", "house", "openai", "gpt-4o", "alias", None),
        ("gemini", "gemini-2.5-flash", "google", "gemini-2.5-flash", "prefix", None),
        ("openai", "gpt-4o", "openai", "gpt-4o", "exact", None),
    ]
    assert (result.models, result.unmatched, result.written) == (4, 1, True)


def test_a_home_without_load_records_has_an_empty_table(home) -> None:
    result = resolve_models(home)
    assert (result.models, result.unmatched) == (0, 0)
    assert pl.read_parquet(result.path).columns[:2] == ["provider", "model"]


def test_the_table_is_left_alone_until_a_pair_or_an_alias_changes(home, seen, ruled) -> None:
    seen(("openai", "gpt-4o"), ("gemini", "gemini-2.5-flash"))
    path = resolve_models(home).path
    stamp = path.stat().st_mtime_ns
    assert not resolve_models(home).written
    assert path.stat().st_mtime_ns == stamp
    ruled("provider_aliases", [{"prefix": "gemini", "catalogue_provider": "google", "reason": "AI Studio"}])
    again = resolve_models(home)
    assert (again.written, again.unmatched) == (True, 0)


def test_two_different_aliases_for_one_name_stop_the_run(home, seen, ruled) -> None:
    ruled(
        "provider_aliases",
        [
            {"prefix": "vertex", "catalogue_provider": "google", "reason": "first"},
            {"prefix": "Vertex", "catalogue_provider": "anthropic", "reason": "second"},
        ],
    )
    with pytest.raises(AliasConflict, match=r"provider_aliases\.csv: prefix 'Vertex' .* lines 2 and 3"):
        resolve_models(home)
