"""Usage APIs → landing/, and a note of the result for `tollbook doctor`.

`ingestion` decides what is requested and what lands. Here a failure is noted for the source, and the run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files import whole
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.sources import Source
from ingestion.usage_apis import UsageApiError

if TYPE_CHECKING:
    from ingestion.usage_apis import FetchResult

#: How far a first fetch without `since` goes back; same as in ingestion.usage_apis.
FIRST_FETCH = timedelta(days=30)


@dataclass(frozen=True)
class Attempt:
    """The last fetch of a source.

    Attributes:
        source: its name.
        attempted_at: when, RFC 3339, UTC.
        failure: why it failed; empty if it did not.
        findings: other sentences for the user.
    """

    source: str
    attempted_at: str
    failure: str
    findings: list[str]


def fetch_usage(home: Home, source: Source, now: datetime) -> FetchResult:
    """Land new data of a source's usage API, and note the result.

    The caller holds the home's writer lock.

    Raises:
        UsageApiError: the API could not be read; what landed before the failure stays.
    """
    from ingestion.connectors.usage_apis import USAGE_APIS
    from ingestion.usage_apis import fetch

    try:
        result = fetch(home, source.name, source.api, USAGE_APIS[source.api.kind], now)
    except UsageApiError as error:
        _note(home, source, now, str(error), error.findings)
        raise
    _note(home, source, now, "", result.findings)
    return result


def last_attempts(home: Home, sources: Iterable[Source]) -> list[Attempt]:
    """Return the last fetch of every source that has a usage API and was fetched."""
    files = [_note_file(home, source) for source in sources if source.api]
    return [Attempt(**json.loads(file.read_bytes())) for file in files if file.exists()]


def days_a_fetch_may_land(home: Home, sources: Iterable[Source], today: date) -> list[date]:
    """Return the first and the last delivery day the next fetch may write to; empty without usage APIs.

    Windows land on their own day, and recent ones are requested again: the days go back `look_back_days`, or to the
    last day with files if that is earlier.
    """
    firsts = [_first_day(home, source, today) for source in sources if source.api]
    return [min(firsts), today] if firsts else []


def _first_day(home: Home, source: Source, today: date) -> date:
    days = [file.delivered_on for file in landed(home, [source]) if file.delivered_on <= today]
    if not days:
        return min(source.api.since or today - FIRST_FETCH, today)
    return min(max(days), today - timedelta(days=source.api.look_back_days + 1))


def _note_file(home: Home, source: Source) -> Path:
    return home.usage_api_notes / f"{source.name}.json"


def _note(home: Home, source: Source, now: datetime, failure: str, findings: Sequence[str]) -> None:
    attempt = Attempt(source.name, now.astimezone(UTC).isoformat(), failure, list(findings))
    with whole(_note_file(home, source)) as temporary:
        temporary.write_text(json.dumps(asdict(attempt)) + "\n", encoding="utf-8")
