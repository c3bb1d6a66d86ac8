"""Build a sandbox world in a home: what lands, what the configuration promises, and the truth about both.

    write_world(home, days, requests_per_day, seed)
      landing/infron/logs  landing/infery/invoices  config/discount_rules.csv  sources.yml
      sandbox/stripe_objects.json   what the loopback Stripe server serves
      truth.json                    every planted fault, and the control totals

The same arguments give the same bytes, and more days only add days: a world grows where it stands, since
payments once read are never forgotten. No world is built where somebody's real files are.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from ingestion.sandbox.billing import BillingWriter
from ingestion.sandbox.files import write_text
from ingestion.sandbox.ledger import Truth
from ingestion.sandbox.logs import LogWriter
from ingestion.sandbox.tenants import DiscountRule, Tenants, tenants
from ingestion.sandbox.traffic import date_of

MARKER = "sandbox/world.json"
TRUTH = "truth.json"
STRIPE_OBJECTS = "sandbox/stripe_objects.json"
MOST_DAYS = 365 * 5

_SOURCES = """\
sources:
  infron: {dialect: infron}
  infery: {dialect: infery}
stripe: {mode: sandbox}
"""


class SandboxError(ValueError):
    """The world cannot be built here, or not with these arguments; the message says what to do instead."""


def write_world(home: Path, days: int, requests_per_day: int, seed: int) -> Truth:
    """Write a world of some days and return the truth about it.

    Args:
        home: the home directory; made if it is not there.
        days: how many days, from 3 August 2026 on.
        requests_per_day: the mean over a week; weekdays see more, weekends less, spikes come on top.
        seed: any non-negative number; equal seeds give equal worlds.

    Raises:
        SandboxError: the home holds somebody's real files, or an argument is out of range.
    """
    _check(home, days, requests_per_day, seed)
    arguments = {"days": days, "requests_per_day": requests_per_day, "seed": seed}
    write_text(home / MARKER, json.dumps(arguments) + "\n")
    world = tenants(seed)
    logs = LogWriter(home, world, days, requests_per_day, seed)
    logs.write()
    billing = BillingWriter(home, world, days, seed)
    billing.write()
    write_text(home / STRIPE_OBJECTS, json.dumps(billing.stripe.objects, indent=0) + "\n")
    write_text(home / "config/discount_rules.csv", _rules_file(world.rules))
    write_text(home / "sources.yml", _SOURCES)
    truth = Truth(
        world=arguments
        | {"first_day": date_of(0).isoformat(), "last_day": date_of(days - 1).isoformat()}
        | _cast(world),
        events=logs.totals.as_json(),
        files=logs.files,
        billing=billing.totals(),
        faults=sorted(logs.faults + billing.faults, key=lambda fault: fault.day),
    )
    write_text(home / TRUTH, truth.as_json())
    return truth


def _check(home: Path, days: int, requests_per_day: int, seed: int) -> None:
    """Refuse arguments out of range and homes that are not the sandbox's."""
    if not 1 <= days <= MOST_DAYS:
        raise SandboxError(f"days is {days}; write a number from 1 to {MOST_DAYS}")
    if requests_per_day < 1:
        raise SandboxError(f"requests per day is {requests_per_day}; write a number from 1 on")
    if seed < 0:
        raise SandboxError(f"seed is {seed}; write a number from 0 on")
    if not (home / MARKER).exists():
        for name in ("sources.yml", "landing/infron", "landing/infery", "config/discount_rules.csv"):
            if (home / name).exists():
                raise SandboxError(
                    f"{home / name} was not written by the sandbox; build the world in an empty home"
                )
        return
    before = json.loads((home / MARKER).read_text(encoding="utf-8"))
    if (before["requests_per_day"], before["seed"]) != (requests_per_day, seed) or before["days"] > days:
        raise SandboxError(
            f"{home} holds the world of {before['days']} days, {before['requests_per_day']} requests a day, "
            f"seed {before['seed']}; it can only get more days: build another world in an empty home"
        )


def _cast(world: Tenants) -> dict[str, object]:
    """Name who lives here, for people who read the truth."""
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


def _rules_file(rules: tuple[DiscountRule, ...]) -> str:
    """Return the discount rules as the warehouse reads them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("rule_id", "workspace_id", "group_name", "kind", "factor", "valid_from", "valid_to", "reason")
    )
    for rule in rules:
        writer.writerow(
            (
                rule.rule_id,
                rule.workspace_id,
                rule.group_name,
                rule.kind,
                rule.factor,
                rule.valid_from,
                rule.valid_to,
                rule.reason,
            )
        )
    return out.getvalue()
