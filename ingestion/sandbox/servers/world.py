"""The requests of a world as the loopback gateway's tables: the usage APIs' view of the same truth.

    GatewayServer(gateway_rows(days, requests_per_day, seed), now=...)

Rows have the APIs' shapes and come from the functions that write the files, so fetching lands the same as the files;
OpenRouter's API has daily sums instead of calls. Corrections are included: an API returns a call's current state.
"""

from __future__ import annotations

from ingestion.sandbox.gateways import infery, litellm, new_api, openrouter
from ingestion.sandbox.servers.rows import Rows
from ingestion.sandbox.world.calls import Call
from ingestion.sandbox.world.day import charged_batches
from ingestion.sandbox.world.tenants import tenants


def gateway_rows(days: int, requests_per_day: int, seed: int) -> dict[str, Rows]:
    """Return the tables of Infery, New-API (times at completion), OpenRouter and LiteLLM.

    Args:
        days: how many days, as for `write_world`.
        requests_per_day: as for `write_world`.
        seed: as for `write_world`; equal arguments, equal requests.
    """
    found = [call for day in range(days) for call in _calls(day, days, requests_per_day, seed)]
    return {
        "infery": [{**row, "member_id": call.member_id} for call in found if (row := infery.usage_row(call))],
        "new_api": [new_api.completed(call) for call in found],
        "openrouter": openrouter.activity(found),
        "litellm": [litellm.spend_row(call) for call in found],
    }


def _calls(day: int, days: int, requests_per_day: int, seed: int) -> list[Call]:
    """Return a day's calls; those of the last day are not corrected yet."""
    batches = charged_batches(tenants(seed), seed, day, requests_per_day)
    return [call for batch in batches for call in (batch.latest() if day + 1 < days else batch.calls)]
