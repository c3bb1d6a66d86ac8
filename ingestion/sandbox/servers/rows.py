"""The rows of the sandbox's usage APIs, and a clock: rows newer than `now` are invisible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

TABLES = (
    "infery",
    "new_api",
    "openrouter",
    "litellm",
    "openai_usage",
    "openai_costs",
    "anthropic_usage",
    "anthropic_costs",
)

Rows = list[dict[str, Any]]


class Refused(Exception):
    """A request the API answers with an error: a status and a body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass(frozen=True)
class Options:
    """Options of the gateways' behaviour.

    Attributes:
        page_size: Rows on a page where the caller cannot say, and the largest page where it can.
        new_api_old_build: Bare arrays, pages counted from 0, no total; a token is turned away under HTTP 200.
        new_api_limit: Allowed calls of an address, and the seconds they are counted over.
        quota_per_unit: As in `/api/status`.
        infery_end_inclusive: Whether `end` belongs to the window.
        litellm_count_cap: Where `total` stops counting.
        litellm_own_user: The token's user, if it is not an admin's; only that user's rows are returned.
        anthropic_ends_before: A bucket that ends exactly at `ending_at` is left out, as documented.
    """

    page_size: int = 100
    new_api_old_build: bool = False
    new_api_limit: tuple[int, int] = (180, 180)
    quota_per_unit: float = 500_000.0
    infery_end_inclusive: bool = False
    litellm_count_cap: int = 10_000
    litellm_own_user: str | None = None
    anthropic_ends_before: bool = False


@dataclass
class Books:
    """Rows per API, as dictionaries in the API's own shape.

    Attributes:
        rows: By table, in order of arrival.
        now: The current time.
        lag: How long after it happened a row appears.
        options: How the gateways behave.
    """

    rows: dict[str, Rows]
    now: datetime
    lag: timedelta = timedelta(0)
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.rows) - set(TABLES))
        if unknown:
            raise ValueError(f"unknown tables {', '.join(unknown)}; known are {', '.join(TABLES)}")

    def visible(self, table: str, at: Callable[[dict[str, Any]], datetime]) -> Rows:
        """Return the visible rows of a table, in order of arrival."""
        return [row for row in self.rows.get(table, []) if at(row) + self.lag <= self.now]

    def add(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Add rows that arrive late."""
        for table, row in rows:
            self.rows.setdefault(table, []).append(dict(row))


class Asking:
    """The parameters of one request."""

    def __init__(self, query: Iterable[tuple[str, str]], refuse: Callable[[str], Refused]) -> None:
        self._query, self._refuse = list(query), refuse

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a parameter as text."""
        return dict(self._query).get(name, default)

    def number(self, name: str, default: int) -> int:
        """Return a whole number; raises Refused if it is not one."""
        text = self.text(name)
        if text is None:
            return default
        if not text.isdecimal() or len(text) > 15:
            raise self._refuse(f"{name} must be a whole number")
        return int(text)

    def moment(self, name: str) -> datetime:
        """Return an RFC 3339 time; raises Refused if it is missing or unreadable."""
        try:
            return instant(self.text(name) or "")
        except ValueError:
            raise self._refuse(f"{name} must be a time with an offset") from None


def instant(value: Any) -> datetime:
    """Return a time in epoch seconds or RFC 3339; without an offset it is UTC."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def sums(
    rows: Rows, by: Callable[[dict[str, Any]], Any], columns: Iterable[str]
) -> dict[Any, dict[str, int]]:
    """Add up columns over the rows of each group, and count the rows as `requests`; groups in order."""
    columns, found = list(columns), {}
    for row in rows:
        group = found.setdefault(by(row), {"requests": 0, **dict.fromkeys(columns, 0)})
        group["requests"] += 1
        for column in columns:
            group[column] += row.get(column) or 0
    return {key: found[key] for key in sorted(found, key=lambda key: (key is None, str(key)))}
