"""genai-prices' matcher: the catalogue model of a reference, under one provider or by the name alone.

Maps names to catalogue names. Aliases and the order of attempts are in resolve.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from genai_prices.data import providers as bundled_providers
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
    Provider,
)

from ingestion.prices.flatten import borrowed_id, is_priced


@dataclass(frozen=True)
class CatalogueModel:
    """A model of the catalogue, by the names prices.parquet uses; `is_priced` is false where every price
    object is empty.
    """

    provider: str
    model: str
    is_priced: bool


_VERSION = re.compile(
    r"(?:[-@](?:latest|preview|exp|v\d+|\d{3,4}|\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}))+$"
)
_PROVIDERS = {provider.id: provider for provider in bundled_providers}


def provider_id(name: str) -> str | None:
    """Return the catalogue's provider of that name: its id, or a whole name that it declares equal (xai →
    x-ai).

    The library also matches a part of a provider's name: azure_openai as openai, my-claude-proxy as anthropic. That
    would price one company's traffic from another's list, so here only whole names match.
    """
    wanted = name.strip().lower()
    if wanted in _PROVIDERS:
        return wanted
    named = [provider.id for provider in bundled_providers if _names(provider.provider_match, wanted)]
    return named[0] if len(named) == 1 else None


def model_under(provider: str, reference: str) -> CatalogueModel | None:
    """Return the model that the library finds for `reference` under a provider, borrowed price lists
    included.
    """
    owner = _PROVIDERS.get(provider)
    found = owner.find_model(reference, all_providers=list(bundled_providers)) if owner else None
    return _named(owner, found) if owner and found else None


def model_called(provider: str, model: str) -> CatalogueModel | None:
    """Return the model with exactly these catalogue names."""
    owner = _PROVIDERS.get(provider)
    return (
        next((_named(owner, entry) for entry in owner.models if entry.id == model), None) if owner else None
    )


def models_called(reference: str) -> list[CatalogueModel]:
    """Return the models the library finds for a bare name, in each provider that claims the name.

    Its clauses for a given provider are loose (deepseek-r1-distill-qwen-7b is deepseek-reasoner, mixtral-8x7b-32768 is
    mixtral-8x7b). Where the provider is inferred as well, the name must be a full name of the model, apart from a
    version or date at its end.
    """
    return [
        CatalogueModel(provider.id, found.id, is_priced(found))
        for provider in map(_PROVIDERS.__getitem__, providers_claiming(reference))
        if (found := provider.find_model(reference)) and _unversioned(reference) in _full_names(found)
    ]


def providers_claiming(reference: str) -> list[str]:
    """Return the providers whose models the library recognises by name alone (gemini-… → google), in
    catalogue order.
    """
    return [
        provider.id
        for provider in bundled_providers
        if provider.model_match is not None and provider.model_match.is_match(reference.lower())
    ]


def _unversioned(name: str) -> str:
    return _VERSION.sub("", name.lower())


def _full_names(model: ModelInfo) -> set[str]:
    return {_unversioned(name) for name in (model.id, *_spellings(model.match))}


def _spellings(clause: MatchLogic) -> Iterator[str]:
    match clause:
        case ClauseOr(or_=parts) | ClauseAnd(and_=parts):
            for part in parts:
                yield from _spellings(part)
        case ClauseEquals(equals=text) | ClauseStartsWith(starts_with=text) | ClauseContains(contains=text):
            yield text


def _names(clause: MatchLogic | None, name: str) -> bool:
    if isinstance(clause, ClauseOr):
        return any(_names(part, name) for part in clause.or_)
    return isinstance(clause, ClauseEquals) and clause.is_match(name)


def _named(provider: Provider, found: ModelInfo) -> CatalogueModel:
    if any(found is model for model in provider.models):
        return CatalogueModel(provider.id, found.id, is_priced(found))
    owner = next(other for other in bundled_providers if any(found is model for model in other.models))
    return CatalogueModel(provider.id, borrowed_id(owner.id, found.id), is_priced(found))
