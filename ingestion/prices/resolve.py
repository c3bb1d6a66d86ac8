"""(provider, model) pairs of the accepted load records → `raw/price_models/models.parquet`, one row per pair.

Each pair is tried in this order, and the first that applies decides:

1. `model_aliases`: the user named the catalogue model (`provider/model` before `model` alone). 2. A provider is given:
its catalogue provider is the one in `provider_aliases`, else the one of the same name; the library's matcher then finds
the model under it. A prefix of the model that repeats the provider is removed. 3. No provider, but a slash: the text
before the first one is the provider, as in 2. 4. No provider, no slash: the library infers the provider from the name
(claude-… → anthropic). When two
   providers claim the name and both have such a model, neither is taken.

A provider is never guessed from a part of its name, and a model is only searched under its own provider: what is not
found is listed with its reason, not priced from another provider's list. `matched_by` is `alias` (1), `prefix` (the
provider came from an alias or the slug), `exact` (provider and model are the catalogue's own names), `library` (a dated
name, a variant spelling, an inferred provider). `reason_unmatched`: `unknown_provider`, `unknown_model`, or
`free_or_unknown` for a model that is in the catalogue with no price at all. An alias to a name outside the catalogue
keeps that name, so that a price override can price it.

Unit prices are not here: SQL joins these names to prices.parquet, and overrides come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingestion import accepted
from ingestion.home import Home
from ingestion.prices.catalogue import catalogue_version
from ingestion.prices.parquet import fingerprint, is_made_from, write_whole

SCHEMA = pl.Schema(
    {
        "provider": pl.String,
        "model": pl.String,
        "catalogue_provider": pl.String,
        "catalogue_model": pl.String,
        "matched_by": pl.String,
        "reason_unmatched": pl.String,
        "catalogue_version": pl.String,
    }
)

UNKNOWN_PROVIDER = "unknown_provider"
UNKNOWN_MODEL = "unknown_model"
FREE_OR_UNKNOWN = "free_or_unknown"


class AliasConflict(ValueError):
    """Two alias rows give one name different targets."""


@dataclass(frozen=True)
class ModelsResult:
    """Result of `resolve_models`: distinct pairs, and how many have no price; `written` is false if nothing changed."""

    path: Path
    models: int
    unmatched: int
    written: bool


@dataclass(frozen=True)
class Match:
    """The catalogue's names for one pair; `reason` is set where no price follows from them."""

    provider: str | None = None
    model: str | None = None
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Aliases:
    """The user's aliases, keyed in lower case: model → (provider, model), provider prefix → provider."""

    models: Mapping[str, tuple[str, str]]
    providers: Mapping[str, str]


def resolve_models(home: Home) -> ModelsResult:
    """Resolve every pair of the accepted load records and write models.parquet, unless nothing changed.

    Raises:
        AliasConflict: a model or a provider prefix has two different aliases; the message names both lines.
    """
    pairs = _pairs(home)
    prefixes = _aliases(home, "provider_aliases", "prefix")
    aliases = Aliases(
        models=_aliases(home, "model_aliases", "model"),
        providers={prefix: provider for prefix, (provider, _) in prefixes.items()},
    )
    version = catalogue_version()
    path = home.price_models
    made_from = fingerprint(version, pairs, sorted(aliases.models.items()), sorted(aliases.providers.items()))
    if is_made_from(path, made_from):
        frame = pl.read_parquet(path, glob=False)
        return ModelsResult(path, frame.height, frame["reason_unmatched"].count(), written=False)
    matches = [(pair, resolve(*pair, aliases)) for pair in pairs]
    frame = pl.DataFrame(
        [(*pair, match.provider, match.model, match.by, match.reason, version) for pair, match in matches],
        schema=SCHEMA,
        orient="row",
    )
    write_whole(frame, path, made_from)
    return ModelsResult(path, frame.height, frame["reason_unmatched"].count(), written=True)


def resolve(provider: str, model: str, aliases: Aliases) -> Match:
    """Return the catalogue's names for one pair; `provider` is empty where the source has none."""
    names = [f"{provider}/{model}", model] if provider else [model]
    for name in names:
        if target := aliases.models.get(name.lower()):
            return _by_alias(*target)
    if provider:
        return _under(provider, model, aliases, from_slug=False)
    prefix, slash, rest = model.partition("/")
    if slash:
        return _under(prefix, rest, aliases, from_slug=True)
    return _by_name(model)


def _by_alias(provider: str, model: str) -> Match:
    from ingestion.prices.library import model_called, model_under, provider_id

    known = provider_id(provider)
    if known is None:
        return Match(provider, model, "alias", UNKNOWN_PROVIDER)
    found = model_called(known, model) or model_under(known, model)
    if found is None:
        return Match(known, model, "alias", UNKNOWN_MODEL)
    return Match(found.provider, found.model, "alias", None if found.is_priced else FREE_OR_UNKNOWN)


def _under(name: str, model: str, aliases: Aliases, *, from_slug: bool) -> Match:
    from ingestion.prices.library import model_under, provider_id

    provider = _provider(name, aliases)
    if provider is None:
        return Match(reason=UNKNOWN_PROVIDER)
    found = model_under(provider, model)
    prefix, slash, rest = model.partition("/")
    if found is None and slash and _provider(prefix, aliases) == provider:
        found = model_under(provider, rest)
    if found is None:
        return Match(reason=UNKNOWN_MODEL)
    if from_slug or provider != provider_id(name):
        by = "prefix"
    else:
        by = "exact" if (found.provider, found.model.lower()) == (name.lower(), model.lower()) else "library"
    return Match(found.provider, found.model, by, None if found.is_priced else FREE_OR_UNKNOWN)


def _provider(name: str, aliases: Aliases) -> str | None:
    from ingestion.prices.library import provider_id

    return provider_id(aliases.providers.get(name.strip().lower(), name))


def _by_name(model: str) -> Match:
    from ingestion.prices.library import models_called, providers_claiming

    found = models_called(model)
    if len(found) == 1:
        return Match(
            found[0].provider, found[0].model, "library", None if found[0].is_priced else FREE_OR_UNKNOWN
        )
    return Match(reason=UNKNOWN_MODEL if len(providers_claiming(model)) == 1 else UNKNOWN_PROVIDER)


def _pairs(home: Home) -> list[tuple[str, str]]:
    pairs = set()
    for record in accepted.every(home):
        for seen in record["models"]:
            pairs.add((seen["provider"] or "", seen["model"] or ""))
    return sorted(pairs)


def _aliases(home: Home, name: str, key: str) -> dict[str, tuple[str, str]]:
    """Return lower-case `key` → (catalogue_provider, catalogue_model or ''); none without a table."""
    path = home.config_table(name)
    rows: Iterable[Mapping[str, object]] = (
        pl.read_parquet(path, glob=False).iter_rows(named=True) if path.exists() else ()
    )
    targets: dict[str, tuple[str, str]] = {}
    lines: dict[str, object] = {}
    for row in rows:
        alias = str(row[key]).strip().lower()
        target = (str(row["catalogue_provider"]), str(row.get("catalogue_model") or ""))
        if targets.setdefault(alias, target) != target:
            raise AliasConflict(
                f"{row['config_file']}: {key} {row[key]!r} has two aliases,"
                f" on lines {lines[alias]} and {row['config_line']}; keep one"
            )
        lines.setdefault(alias, row["config_line"])
    return targets
