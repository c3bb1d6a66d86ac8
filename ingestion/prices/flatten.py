"""genai-prices' bundled providers → one row per price, from which SQL computes exactly what `calc_price` does.

Only the data that ships inside the installed package is read: never the network, never `UpdatePrices`.

**Cells.** A *cell* is (model, variant, period, time-of-day window). Within a variant the cells of a model are
disjoint and together cover all time where the variant applies; `standard` always covers all of it. Boundaries
are taken from the library's constraints and the price inside each is what the library returns there
(`ModelInfo.get_prices`), so its order of precedence (conditions last to first, the first entry as the base; variants
first to last) is not repeated here.

* `[valid_from, valid_to)` is half-open, in UTC; 0001-01-01 and 9999-12-31 mean open.
* `[tod_start, tod_end)` is the UTC time of day; both null means the whole day, `tod_end` alone null means to
  midnight. A window around midnight is two rows; the hours outside every window are rows as well.
* Every class of a cell has a row for every tier of the cell, so (cell, tier) is one complete price vector.
  `tier_start` is 0 for the base; a tier applies to the whole request when total input tokens, cached ones
  included, are strictly more than `tier_start`; the highest such tier wins, for output as well.

**The rule SQL follows.** Take the cells of (catalogue_provider, catalogue_model) at the instant of the
request. Take the requested variant if it has a cell there, else `standard`; a variant's cell is complete,
prices it does not change are repeated in it. Take the tier. Then every disjoint count is billed at its own
class, or, where the cell has no such class, at the nearest one that it has:

    cache_write_1h → cache_write_5m → input          cache_read → input
    cache_read_<modality> → cache_read → input_<modality> → input   (likewise cache_write_…)
    input_<modality> → input                         (audio, image, video, text, tool)
    output_reasoning, output_<modality>, output_citation → output
    input_audio_seconds → audio_seconds              input_annotated_document_pages → input_document_pages

A count without any priced class in its chain costs 0 when the cell has prices at all: the provider does not
bill that unit (output tokens of an embedding, tokens of a model billed by page or hour). `requests` counts 1
per request. Cost = price × count ÷ what `unit` says: mtok and mchars 1e6, kcount and kpages 1e3, gpixels 1e9,
hours 3600 (seconds).

***Free or unknown.** The library returns 0 for a model with an empty price object. Such a cell is one row with
`is_free_or_unknown`, token class `input` and price null: an inner join does not lose it and a sum does not price it.

**Borrowed models.** Azure (and Google for Anthropic's models) falls back to the price lists of other
providers. These are rows of the borrowing provider, model `<owner>/<model>`, standard variant only, as the
library has it: one provider's override never reaches another's traffic.

What the rows cannot represent: two variants at once (a flex batch), and Groq's minimum of 10 seconds per Whisper call.

Rulings: docs/decisions/pricing.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

from genai_prices.data import providers as bundled_providers
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

SOURCE = "genai-prices"
STANDARD = "standard"
OPEN_FROM = datetime(1, 1, 1)
OPEN_TO = datetime(9999, 12, 31)
PRICE_SCALE = 18
PRICE_INTEGER_DIGITS = 6

_USAGE_KEY_OF_PRICE_KEY = {unit["price_key"]: usage_key for usage_key, unit in unit_data.items()}
_CACHED_MODALITY = re.compile(r"cache_(text|audio|image|video)_(read|write)")

PriceVector = tuple[tuple[str, Decimal | tuple[Decimal, tuple[tuple[int, Decimal], ...]]], ...]
"""A price object as a comparable value: (price key, price or (base, tiers)), sorted by key."""


class CatalogueError(ValueError):
    """The bundled catalogue holds something that the flat table cannot represent exactly."""


@dataclass(frozen=True)
class Price:
    """One price: a row of prices.parquet without `price_id` and `catalogue_version`; field order is column
    order.
    """

    catalogue_provider: str
    catalogue_model: str
    token_class: str
    unit: str
    price: Decimal | None
    tier_start: int
    variant: str
    valid_from: datetime
    valid_to: datetime
    tod_start: time | None
    tod_end: time | None
    is_free_or_unknown: bool
    source: str = SOURCE

    @property
    def price_id(self) -> str:
        """16 hex digits of the row's content: the same price in the next catalogue keeps its id."""
        price = "" if self.price is None else f"{self.price:.{PRICE_SCALE}f}"
        values = [price if value is self.price else str(value) for value in astuple(self)]
        return hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Cell:
    """A period and a time-of-day window in which one price vector holds."""

    valid_from: datetime
    valid_to: datetime
    tod_start: time | None
    tod_end: time | None
    vector: PriceVector


def flatten() -> Iterator[Price]:
    """Yield every price of the bundled catalogue.

    Raises:
        CatalogueError: a price does not fit DECIMAL(24,18), or two price keys mean the same token class.
    """
    by_id = {provider.id: provider for provider in bundled_providers}
    for provider in bundled_providers:
        for model in provider.models:
            yield from _model_prices(provider.id, model.id, model, _contexts(model))
        for owner in _fallback_owners(provider, by_id):
            for model in owner.models:
                yield from _model_prices(
                    provider.id, borrowed_id(owner.id, model.id), model, {STANDARD: None}
                )


def borrowed_id(owner_id: str, model_id: str) -> str:
    """The catalogue model name of a model whose price list belongs to another provider."""
    return f"{owner_id}/{model_id}"


def token_class(price_key: str) -> str:
    """Return the token class of a genai-prices price key: input_mtok → input, cache_audio_read_mtok →
    cache_read_audio.

    The plain cache write is the 5-minute one: where writes have two lifetimes, only the hour has a key of its
    own.
    """
    usage_key = _USAGE_KEY_OF_PRICE_KEY[price_key].removesuffix("_tokens")
    if usage_key == "cache_write":
        return "cache_write_5m"
    if cached := _CACHED_MODALITY.match(usage_key):
        modality, action = cached.groups()
        lifetime = usage_key[cached.end() :] or ("_5m" if action == "write" else "")
        return f"cache_{action}{lifetime}_{modality}"
    return usage_key


def price_unit(price_key: str) -> str:
    """Return the unit of a price: mtok, kcount, kpages, mchars, gpixels or hours."""
    return price_key.rsplit("_", 1)[1]


def vector_of(prices: ModelPrice) -> PriceVector:
    """Return a price object as a comparable value, absent prices left out."""
    return tuple(
        (
            key,
            (value.base, tuple((tier.start, tier.price) for tier in value.tiers))
            if isinstance(value, TieredPrices)
            else value,
        )
        for key, value in sorted(prices.__dict__.items())
        if value is not None
    )


def is_priced(model: ModelInfo) -> bool:
    """Whether any of the model's price objects holds a price: the library returns 0 for one that holds none."""
    entries = (
        [model.prices] if isinstance(model.prices, ModelPrice) else [entry.prices for entry in model.prices]
    )
    return any(vector_of(prices) for prices in entries)


def _fallback_owners(provider: Provider, by_id: Mapping[str, Provider]) -> list[Provider]:
    return [by_id[owner_id] for owner_id in provider.fallback_model_providers or () if owner_id in by_id]


def _contexts(model: ModelInfo) -> dict[str, dict[str, str] | None]:
    """Return variant name → the request context that selects it."""
    contexts: dict[str, dict[str, str] | None] = {STANDARD: None}
    for variant in model.price_variants or ():
        name = _variant_name(variant.when)
        if contexts.setdefault(name, variant.when) != variant.when:
            raise CatalogueError(
                f"{model.id}: two variants are both called {name}: {contexts[name]} and {variant.when}"
            )
    return contexts


def _variant_name(when: Mapping[str, str]) -> str:
    """batch, flex, priority, fast …; a context other than tier, processing and speed keeps its key
    (route=mistral/eu).
    """
    return ",".join(
        value if key in ("processing", "service_tier", "speed") else f"{key}={value}"
        for key, value in sorted(when.items())
    )


def _model_prices(
    provider_id: str, model_id: str, model: ModelInfo, contexts: Mapping[str, dict[str, str] | None]
) -> Iterator[Price]:
    for variant, context in contexts.items():
        for cell in _cells(model, context):
            for key, tier_start, price in _tiered(cell.vector):
                if price is not None and not _fits(price):
                    raise CatalogueError(
                        f"{provider_id} {model_id} {key}: {price} does not fit DECIMAL(24,18)"
                    )
                yield Price(
                    catalogue_provider=provider_id,
                    catalogue_model=model_id,
                    token_class=token_class(key),
                    unit=price_unit(key),
                    price=price,
                    tier_start=tier_start,
                    variant=variant,
                    valid_from=cell.valid_from,
                    valid_to=cell.valid_to,
                    tod_start=cell.tod_start,
                    tod_end=cell.tod_end,
                    is_free_or_unknown=price is None,
                )


def _fits(price: Decimal) -> bool:
    return price == round(price, PRICE_SCALE) and abs(price) < 10**PRICE_INTEGER_DIGITS


def _tiered(vector: PriceVector) -> Iterator[tuple[str, int, Decimal | None]]:
    """Yield (price key, tier start, price) for every key at every tier of the vector; one null where it is
    empty.
    """
    if not vector:
        yield "input_mtok", 0, None
        return
    classes = [token_class(key) for key, _ in vector]
    if len(set(classes)) < len(classes):
        raise CatalogueError(f"two price keys mean one token class: {', '.join(key for key, _ in vector)}")
    starts = {0, *(start for _, price in vector if isinstance(price, tuple) for start, _ in price[1])}
    for key, price in vector:
        for tier_start in sorted(starts):
            if isinstance(price, tuple):
                base, tiers = price
                # More than tier_start input tokens: the last tier that starts no higher.
                yield key, tier_start, ([base] + [at for start, at in tiers if start <= tier_start])[-1]
            else:
                yield key, tier_start, price


def _cells(model: ModelInfo, context: dict[str, str] | None) -> Iterator[Cell]:
    """Yield the cells of a model; for a variant only where it differs from the standard price."""
    days, times = _boundaries(model)
    found: list[tuple[datetime, list[tuple[time, PriceVector, bool]]]] = []
    for start in [OPEN_FROM, *(datetime.combine(day, time()) for day in days)]:
        instant = start if start > OPEN_FROM else _before(days)
        windows: list[tuple[time, PriceVector, bool]] = []
        for at in times:
            moment = datetime.combine(instant.date(), at, tzinfo=UTC)
            vector = vector_of(model.get_prices(moment, context))
            applies = context is None or vector != vector_of(model.get_prices(moment))
            if not windows or windows[-1][1:] != (vector, applies):
                windows.append((at, vector, applies))
        if not found or found[-1][1] != windows:
            found.append((start, windows))
    for (valid_from, windows), (valid_to, _) in pairwise([*found, (OPEN_TO, [])]):
        if len(windows) == 1:
            spans: list[tuple[time | None, time | None]] = [(None, None)]
        else:
            spans = list(pairwise([*(at for at, _, _ in windows), None]))
        for (tod_start, tod_end), (_, vector, applies) in zip(spans, windows, strict=True):
            if applies:
                yield Cell(valid_from, valid_to, tod_start, tod_end, vector)


def _before(days: list[date]) -> datetime:
    first = days[0] if days else date(2000, 1, 1)
    return datetime.combine(first - timedelta(days=1), time())


def _boundaries(model: ModelInfo) -> tuple[list[date], list[time]]:
    """Return the dates and the UTC times of day (midnight included) at which any of the model's prices may
    change.
    """
    conditions = [] if isinstance(model.prices, ModelPrice) else model.prices
    days, times = set(), {time()}
    for constraint in [entry.constraint for entry in [*conditions, *(model.price_variants or ())]]:
        if isinstance(constraint, StartDateConstraint):
            days.add(constraint.start_date)
        elif isinstance(constraint, TimeOfDateConstraint):
            times |= {_utc(constraint.start_time), _utc(constraint.end_time)}
        elif constraint is not None:
            raise CatalogueError(f"{model.id}: unknown kind of condition {type(constraint).__name__}")
    return sorted(days), sorted(times)


def _utc(moment: time) -> time:
    """A time of day in UTC, without zone; one without zone is UTC already."""
    if moment.tzinfo is None:
        return moment
    return datetime.combine(date(1970, 1, 1), moment).astimezone(UTC).time()
