"""The sandbox's workspaces, API keys, members, groups and their discounts.

Drawn once from the seed, the same on every day. traffic.py draws a key's requests of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ingestion.sandbox.world.prices import UNKNOWN_MODEL
from ingestion.sandbox.world.randomness import generator

GROUPS = ("default", "vip", "partner")
NEW_KEY_DAYS = (22, 50, 80)
"""Days on which a key that never spent before starts, at the volume of a large one."""


@dataclass(frozen=True)
class Workspace:
    """A tenant: the currency it tops up in and how its value added tax is treated."""

    workspace_id: str
    name: str
    currency: str
    vat_treatment: str
    topup_every_days: int
    topup_offset: int
    pack: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """The traffic of a kind of application: log-normal token counts and the share of cached calls."""

    name: str
    prompt: int
    completion: int
    cache_share: float
    reasoning: bool
    long_share: float
    models: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ApiKey:
    """One API key: `share` of an average day's requests, `weekend` volume against that of a weekday."""

    api_key_id: str
    name: str
    workspace: int
    group: str
    profile: Profile
    share: float
    weekend: float
    first_day: int
    playground: bool
    flat_usage: bool
    writes_1h: bool


@dataclass(frozen=True)
class DiscountRule:
    """A dated factor to pay for a workspace or a group; `valid_to` is exclusive."""

    rule_id: str
    workspace_id: str | None
    group_name: str | None
    kind: str
    factor: str
    valid_from: date
    valid_to: date | None
    reason: str


@dataclass(frozen=True)
class Tenants:
    """All tenants of one world."""

    workspaces: tuple[Workspace, ...]
    keys: tuple[ApiKey, ...]
    rules: tuple[DiscountRule, ...]


_DEEPSEEK, _MISTRAL = "deepseek/deepseek-v3.2", "mistral/mistral-large-4"
_SONNET, _HAIKU = "anthropic/claude-sonnet-4-5", "anthropic/claude-haiku-4-5"
_GEMINI_PRO, _GPT_5_MINI = "google-ai-studio/gemini-2.5-pro", "openai/gpt-5-mini"
_GEMINI_FLASH = "google-ai-studio/gemini-2.5-flash-preview-09-2025"

PROFILES = (
    Profile("web", 3_000, 350, 0.45, False, 0.0, (("openai/gpt-4o", 0.8), ("openai/gpt-4o-mini", 0.2))),
    Profile("agent", 14_000, 700, 0.7, False, 0.0, ((_SONNET, 0.75), (_HAIKU, 0.25))),
    Profile("research", 9_000, 1_200, 0.3, True, 0.0, (("openai/gpt-5.6-sol", 0.9), (_GPT_5_MINI, 0.1))),
    Profile("documents", 60_000, 900, 0.25, True, 0.25, ((_GEMINI_PRO, 0.8), (_SONNET, 0.2))),
    Profile("mobile", 1_800, 220, 0.3, True, 0.0, ((_GEMINI_FLASH, 1.0),)),
    Profile("support", 6_000, 400, 0.55, False, 0.0, ((_HAIKU, 1.0),)),
    Profile("batch", 8_000, 500, 0.2, False, 0.0, ((_DEEPSEEK, 0.6), (_MISTRAL, 0.4))),
    Profile("pilot", 4_000, 400, 0.3, False, 0.0, ((_GPT_5_MINI, 0.97), (UNKNOWN_MODEL, 0.03))),
)
"""Profiles of keys, assigned in turn."""

_NAMES = (
    "Alder Books", "Birch Clinics", "Cedar Freight", "Dogwood Legal", "Elm Energy", "Fir Studio",
    "Ginkgo Foods", "Hazel Bank", "Ivy Travel", "Juniper Games", "Katsura Labs", "Larch Mobile",
)  # fmt: skip
_CURRENCIES = {10: "usd", 11: "jpy"}
_REVERSE_CHARGE = {8, 10, 11}
_OWN_RULE = {0, 1, 4}


def tenants(seed: int) -> Tenants:
    """Draw the tenants of a world; the same seed gives the same tenants."""
    rng = generator(seed, "tenants")
    workspaces = tuple(
        Workspace(
            workspace_id=f"ws_{number + 1:02d}",
            name=name,
            currency=_CURRENCIES.get(number, "gbp"),
            vat_treatment="reverse_charge" if number in _REVERSE_CHARGE else "standard",
            topup_every_days=int(rng.integers(2, 6)),
            topup_offset=int(rng.integers(0, 6)),
            pack=int(rng.choice([2_000, 5_000, 10_000, 20_000])),
            members=tuple(f"mem_{number + 1:02d}{letter}" for letter in "abcd"[: int(rng.integers(2, 5))]),
        )
        for number, name in enumerate(_NAMES)
    )
    return Tenants(workspaces, _keys(rng, len(workspaces)), _rules())


def _keys(rng: np.random.Generator, workspaces: int) -> tuple[ApiKey, ...]:
    """Draw about forty keys; shares decrease slowly, so that each has enough requests for a baseline."""
    names = ("prod-web", "prod-api", "staging", "playground", "nightly", "mobile", "internal-tools")
    old, new = 38, len(NEW_KEY_DAYS)
    weights = 1.0 / np.arange(3, 3 + old) ** 0.7
    rng.shuffle(weights)
    shares = weights / weights.sum()
    keys = []
    for number in range(old + new):
        is_new = number >= old
        profile = PROFILES[1] if is_new else PROFILES[number % len(PROFILES)]
        workspace = int(number % workspaces) if number < workspaces else int(rng.integers(0, workspaces))
        group = str(rng.choice(GROUPS, p=[0.6, 0.2, 0.2]))
        keys.append(
            ApiKey(
                api_key_id=f"key_{number + 1:03d}",
                name=f"{names[int(rng.integers(0, len(names)))]}-{number + 1}",
                workspace=workspace,
                group=group if workspace not in _OWN_RULE else "default",
                profile=profile,
                share=float(shares.max()) if is_new else float(shares[number]),
                weekend=float(rng.choice([0.3, 0.4, 0.5, 0.9])),
                first_day=NEW_KEY_DAYS[number - old] if is_new else 0,
                playground=bool(rng.random() < 0.2),
                flat_usage=number in (4, 13),
                writes_1h=number in (1, 9),
            )
        )
    return tuple(keys)


def _rules() -> tuple[DiscountRule, ...]:
    """Return the discount rules; at most one applies to a key, so precedence never matters here."""
    return (
        DiscountRule(
            "ws01-contract", "ws_01", None, "contract", "0.9", date(2026, 1, 1), None, "annual contract"
        ),
        DiscountRule(
            "ws02-volume", "ws_02", None, "volume", "0.85", date(2026, 1, 1), date(2026, 8, 18), "first tier"
        ),
        DiscountRule(
            "ws02-volume-2", "ws_02", None, "volume", "0.8", date(2026, 8, 18), None, "second tier reached"
        ),
        DiscountRule(
            "ws05-promo", "ws_05", None, "promo", "0.75", date(2026, 8, 10), date(2026, 9, 14), "launch offer"
        ),
        DiscountRule("vip", None, "vip", "membership", "0.92", date(2026, 1, 1), None, "membership"),
        DiscountRule(
            "partner", None, "partner", "membership", "0.875", date(2026, 8, 12), None, "partner programme"
        ),
    )


def rule_on(rules: tuple[DiscountRule, ...], workspace_id: str, group: str, day: date) -> DiscountRule | None:
    """Return the discount rule of a key on a day, or None."""
    for rule in rules:
        named = rule.workspace_id == workspace_id if rule.workspace_id else rule.group_name == group
        if named and rule.valid_from <= day and (rule.valid_to is None or day < rule.valid_to):
            return rule
    return None
