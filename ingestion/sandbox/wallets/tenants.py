"""The tenants' own wallets at Infery: credits from their invoices and, if the world has Infery files, draws by their
calls.

Every call is one draw when it is complete, as delivered and corrected.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.sandbox.gateways.logs import ChargedCall
from ingestion.sandbox.wallets import TENANTS, Draw, Lot, Plan
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.traffic import date_of


def tenant_plan(
    lines: Iterable[dict[str, Any]], faults: Iterable[Fault], charged_calls: Iterable[ChargedCall]
) -> Plan:
    """Return the events of the tenants' wallets.

    Args:
        lines: The invoices as they landed.
        faults: The faults of billing, including spoiled credits.
        charged_calls: The calls that took credits.
    """
    spoiled = {
        fault.subject: fault.kind.removeprefix("credits_")
        for fault in faults
        if fault.kind.startswith("credits_")
    }
    lots = []
    for line in lines:
        if line["status"] != "paid":
            continue
        issued_at = datetime.fromisoformat(line["issued_at"])
        lots.append(
            Lot(
                source=TENANTS,
                workspace=line["workspace_id"],
                name=line["invoice_id"],
                kind="renewal" if line["kind"] == "renewal" else "pack",
                at=issued_at,
                cents=line["credits"] or 0,
                known_on=(issued_at.date() - date_of(0)).days,
                grant_status=spoiled.get(line["invoice_id"], "matched"),
            )
        )
    draws = [
        Draw(TENANTS, call.workspace_id, "", _moment(call.ended_ms), call.credits, call.day)
        for call in charged_calls
    ]
    return Plan(lots, draws)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
