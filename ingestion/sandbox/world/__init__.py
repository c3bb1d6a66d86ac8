"""Build a sandbox world in a home: landing files, configuration, and the truth about both.

    write_world(home, days, requests_per_day, seed, connectors)
      landing/infron/logs  landing/infery/invoices  config/*.csv  sources.yml
      landing/<connector>/<stream>    the same requests again, in other gateways' formats
      landing/<source>/<stream>     credit wallets (wallets/), usage reports (usage_reports.py) and
                                    edge cases (edge_sources.py) in separate sources
      sandbox/stripe_objects.json   what the loopback Stripe server serves
      truth.json                    every planted fault, and the control totals

The same arguments give the same bytes, and more days only add days: a world can grow in place, because payments already
read are kept. No world is built in a home with real files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from ingestion.sandbox.billing import RENEWAL_PACK, BillingWriter
from ingestion.sandbox.gateways import CONNECTORS
from ingestion.sandbox.gateways.edge_sources import SOURCES as EDGE_SOURCES
from ingestion.sandbox.gateways.edge_sources import EdgeWriter, price_overrides
from ingestion.sandbox.gateways.files import write_text
from ingestion.sandbox.gateways.logs import LogWriter
from ingestion.sandbox.gateways.openrouter import ALIASES
from ingestion.sandbox.gateways.usage_reports import SETTINGS as REPORT_SETTINGS
from ingestion.sandbox.gateways.usage_reports import SOURCE as REPORT_SOURCE
from ingestion.sandbox.gateways.usage_reports import ReportWriter
from ingestion.sandbox.wallets.files import SOURCES as WALLET_SOURCES
from ingestion.sandbox.wallets.files import WalletWriter
from ingestion.sandbox.wallets.ledger import WalletTruth
from ingestion.sandbox.wallets.tenants import tenant_plan
from ingestion.sandbox.world.ledger import Truth
from ingestion.sandbox.world.tenants import DiscountRule, Tenants, tenants
from ingestion.sandbox.world.traffic import FIRST_DAY, beginning, date_of

MARKER = "sandbox/world.json"
SOURCES_OF_THEIR_OWN = {**WALLET_SOURCES, REPORT_SOURCE: REPORT_SETTINGS, **EDGE_SOURCES}
CONFIG = tuple(
    f"config/{table}.csv"
    for table in (
        "discount_rules", "price_overrides", "model_aliases", "currencies", "credit_packs", "credit_grants",
        "credit_balances",
    )
)  # fmt: skip
TRUTH = "truth.json"
STRIPE_OBJECTS = "sandbox/stripe_objects.json"
MOST_DAYS = 365 * 5
#: The tolerance is one minor unit: the world has payments that differ from their invoice by that.
CURRENCIES = "currency,exponent,tolerance_minor\ngbp,2,1\njpy,0,1\nusd,2,1\n"
PACKS = (
    "source", "pack", "credits", "price", "currency", "kind", "expires_after_days", "valid_from", "reason",
)  # fmt: skip
GRANTS = (
    "grant_id", "source", "workspace_id", "granted_on", "credits", "kind", "priority", "expires_on", "reason",
)  # fmt: skip
BALANCES = ("source", "workspace_id", "balance_on", "credits", "reason")


class SandboxError(ValueError):
    """The world cannot be built here, or not with these arguments; the message says what to do instead."""


def write_world(
    home: Path,
    days: int,
    requests_per_day: int,
    seed: int,
    connectors: Sequence[str] = ("infron",),
    last_day: date | None = None,
) -> Truth:
    """Write a world of some days and return the truth about it.

    Args:
        home: the home directory; made if it is not there.
        days: how many days.
        requests_per_day: the mean over a week; weekdays see more, weekends less, spikes come on top.
        seed: any non-negative number; the same seed gives the same world.
        connectors: the gateways in whose formats the requests are written, each as one source; all contain the same
            requests, so a home with several holds every request several times.
        last_day: its last day. By default the first day is that of the world in the home, or 3 August 2026.

    Raises:
        SandboxError: the home holds real files, or an argument is out of range.
    """
    _check_arguments(days, requests_per_day, seed, connectors)
    first_day = last_day - timedelta(days=days - 1) if last_day else _began(home) or FIRST_DAY
    _check_home(home, days, requests_per_day, seed, connectors, first_day)
    arguments: dict[str, object] = {"days": days, "requests_per_day": requests_per_day, "seed": seed}
    arguments["connectors"] = list(connectors)
    write_text(home / MARKER, json.dumps(arguments | {"first_day": first_day.isoformat()}) + "\n")
    with beginning(first_day):
        return _write(home, days, requests_per_day, seed, connectors, arguments)


def _began(home: Path) -> date | None:
    """Return the first day of the world in the home; None if it has none or says none."""
    if not (home / MARKER).exists():
        return None
    stated = json.loads((home / MARKER).read_text(encoding="utf-8")).get("first_day")
    return stated and date.fromisoformat(stated)


def _write(
    home: Path,
    days: int,
    requests_per_day: int,
    seed: int,
    connectors: Sequence[str],
    arguments: dict[str, object],
) -> Truth:
    world = tenants(seed)
    logs = LogWriter(home, world, days, requests_per_day, seed, connectors)
    logs.write()
    billing = BillingWriter(home, world, days, seed)
    billing.write()
    wallets = WalletWriter(home, days, seed)
    wallets.write(billing)
    reports = ReportWriter(home, days)
    reports.write()
    edges = EdgeWriter(home, days)
    edges.write()
    write_text(home / STRIPE_OBJECTS, json.dumps(billing.stripe.objects, indent=0) + "\n")
    write_text(home / "config/discount_rules.csv", _rules_file(world.rules))
    write_text(home / "config/price_overrides.csv", price_overrides())
    write_text(home / "config/currencies.csv", CURRENCIES)
    write_text(home / "config/credit_packs.csv", _csv(PACKS, (*_packs(world), *wallets.packs())))
    write_text(home / "config/credit_grants.csv", _csv(GRANTS, wallets.grants()))
    write_text(home / "config/credit_balances.csv", _csv(BALANCES, wallets.balances()))
    if "openrouter" in connectors:
        write_text(home / "config/model_aliases.csv", _aliases_file())
    write_text(home / "sources.yml", _sources_file(connectors))
    truth = Truth(
        world=arguments
        | {"first_day": date_of(0).isoformat(), "last_day": date_of(days - 1).isoformat()}
        | _cast(world),
        events=logs.totals.as_json(),
        files=logs.files,
        billing=billing.totals(),
        credits=WalletTruth(
            wallets.plan + tenant_plan(billing.lines, billing.faults, logs.charged_calls),
            days,
            last_ended_ms=logs.last_ended_ms,
        ).as_json(),
        faults=sorted(
            logs.faults + billing.faults + wallets.faults + reports.faults + edges.faults,
            key=lambda fault: fault.day,
        ),
    )
    write_text(home / TRUTH, truth.as_json())
    return truth


def _check_arguments(days: int, requests_per_day: int, seed: int, connectors: Sequence[str]) -> None:
    """Refuse arguments out of range."""
    if not 1 <= days <= MOST_DAYS:
        raise SandboxError(f"days is {days}; write a number from 1 to {MOST_DAYS}")
    if requests_per_day < 1:
        raise SandboxError(f"requests per day is {requests_per_day}; write a number from 1 on")
    if seed < 0:
        raise SandboxError(f"seed is {seed}; write a number from 0 on")
    unknown = [name for name in connectors if name not in CONNECTORS]
    if unknown or not connectors or len(set(connectors)) != len(connectors):
        raise SandboxError(
            f"connectors are {', '.join(connectors) or 'none'}; write some of {', '.join(CONNECTORS)}, each once"
        )


def _check_home(
    home: Path, days: int, requests_per_day: int, seed: int, connectors: Sequence[str], first_day: date
) -> None:
    """Refuse homes that are not the sandbox's, or hold another world."""
    if not (home / MARKER).exists():
        landed = [
            f"landing/{name}"
            for name in {**dict.fromkeys(connectors), "infery": None, **SOURCES_OF_THEIR_OWN}
        ]
        for name in ("sources.yml", *landed, *CONFIG):
            if (home / name).exists():
                raise SandboxError(
                    f"{home / name} was not written by the sandbox; build the world in an empty home"
                )
        return
    defaults = {"connectors": ["infron"], "first_day": FIRST_DAY.isoformat()}
    before = defaults | json.loads((home / MARKER).read_text(encoding="utf-8"))
    same = {"requests_per_day": requests_per_day, "seed": seed, "connectors": list(connectors)}
    same["first_day"] = first_day.isoformat()
    if {name: before[name] for name in same} != same or before["days"] > days:
        raise SandboxError(
            f"{home} holds the world of {before['days']} days from {before['first_day']} on, "
            f"{before['requests_per_day']} requests a day, seed {before['seed']}, "
            f"connectors {', '.join(before['connectors'])}; it can only get more days: "
            "build another world in an empty home"
        )


def _cast(world: Tenants) -> dict[str, object]:
    """Return the workspaces and keys, for readers of the truth."""
    spaces = [
        {
            "workspace_id": space.workspace_id,
            "name": space.name,
            "currency": space.currency,
            "members": space.members,
        }
        for space in world.workspaces
    ]
    keys = [
        {
            "api_key_id": key.api_key_id,
            "name": key.name,
            "workspace_id": world.workspaces[key.workspace].workspace_id,
            "group": key.group,
            "profile": key.profile.name,
            "first_day": date_of(key.first_day).isoformat(),
        }
        for key in world.keys
    ]
    return {"workspaces": spaces, "keys": keys}


def _sources_file(connectors: Sequence[str]) -> str:
    """Return sources.yml; Infery is always there, because it sends the invoices."""
    lines = ["sources:"]
    for name in dict.fromkeys((*connectors, "infery")):
        settings = CONNECTORS[name].settings if name in connectors else {}
        lines.append(_source(name, {"connector": name, **settings}))
    lines += [_source(name, settings) for name, settings in SOURCES_OF_THEIR_OWN.items()]
    return "\n".join([*lines, "stripe: {mode: sandbox}", ""])


def _source(name: str, settings: Mapping[str, object]) -> str:
    # The world ends on a past day, so nothing more is due except where silence is planted.
    written = ", ".join(f"{key}: {value}" for key, value in {"cadence": "none", **settings}.items())
    return f"  {name}: {{{written}}}"


def _aliases_file() -> str:
    """Return the model aliases as the warehouse reads them."""
    reason = "the contract charges the vendor's list price"
    return _csv(
        ("model", "catalogue_provider", "catalogue_model", "reason"), ((*alias, reason) for alias in ALIASES)
    )


def _rules_file(rules: tuple[DiscountRule, ...]) -> str:
    """Return the discount rules as the warehouse reads them."""
    columns = (
        "rule_id", "workspace_id", "group_name", "kind", "factor", "valid_from", "valid_to", "reason",
    )  # fmt: skip
    return _csv(columns, ([getattr(rule, name) for name in columns] for rule in rules))


def _packs(world: Tenants) -> Iterable[Sequence[object]]:
    """Return the packs of credits on sale, and the plan, as the warehouse reads them; a credit is a penny."""
    packs = [
        (f"pack_{credits}", credits, "pack") for credits in sorted({space.pack for space in world.workspaces})
    ]
    return [
        (
            "infery",
            pack,
            credits,
            f"{credits // 100}.{credits % 100:02d}",
            "gbp",
            kind,
            "",
            date_of(0),
            "price list",
        )
        for pack, credits, kind in (*packs, ("plan_scale", RENEWAL_PACK, "renewal"))
    ]


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a small table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
