"""Sums of counts as SQL text, in steps; a count that no field of a file can hold is 0 and adds no text.

DuckDB plans a statement for every file, and a file has only one of the many declared shapes.
"""

from __future__ import annotations

from ingestion.streams import Column

ZERO = "0"
TRUE, FALSE = "true", "false"


class Steps:
    """Named values, each step over those before it; a value that is a name or a constant needs no step."""

    def __init__(self) -> None:
        self._closed: list[tuple[Column, ...]] = []
        self._open: list[Column] = []

    def let(self, name: str, sql: str, sql_type: str = "BIGINT") -> str:
        """Name a value in the current step; return its name for later steps."""
        if sql.isidentifier() or sql == ZERO:
            return sql
        self._open.append(Column(name, sql_type, sql))
        return name

    def close(self) -> None:
        """End the current step."""
        if self._open:
            self._closed.append(tuple(self._open))
            self._open = []

    def all(self) -> tuple[tuple[Column, ...], ...]:
        """Return the steps, in order."""
        self.close()
        return tuple(self._closed)


def most(*counts: str) -> str:
    """Return the largest of counts."""
    left = list(dict.fromkeys(count for count in counts if count != ZERO))
    return f"greatest({', '.join(left)})" if len(left) > 1 else left[0] if left else ZERO


def least_of(*counts: str) -> str:
    """Return the smallest of the counts that are not 0, or 0."""
    left = list(dict.fromkeys(count for count in counts if count != ZERO))
    if len(left) < 2:
        return left[0] if left else ZERO
    return f"coalesce(least({', '.join(f'nullif({count}, 0)' for count in left)}), 0)"


def plus(*counts: str) -> str:
    """Return the sum of counts."""
    return " + ".join(count for count in counts if count != ZERO) or ZERO


def minus(whole: str, *parts: str) -> str:
    """Return what is left of a count that includes the others."""
    if whole == ZERO:
        return ZERO
    return " - ".join([whole, *(_bracketed(part) for part in parts if part != ZERO)])


def over(whole: str, *parts: str) -> str:
    """Return what is left of a count when others are taken out, at least 0."""
    left = minus(whole, *parts)
    return left if left in (whole, ZERO) else f"greatest({left}, 0)"


def at_most(count: str, limit: str) -> str:
    """Return the smaller of two counts."""
    return ZERO if ZERO in (count, limit) else f"least({count}, {limit})"


def exceeds(count: str, limit: str) -> str:
    """Return the condition that one count is larger than another."""
    return FALSE if count == ZERO else f"{count} > {limit}"


def is_zero(*counts: str) -> str:
    """Return the condition that all of several counts are 0."""
    largest = most(*counts)
    return TRUE if largest == ZERO else f"{largest} = 0"


def opposite(condition: str) -> str:
    """Return the condition that one does not hold."""
    return {TRUE: FALSE, FALSE: TRUE}.get(condition, f"not ({condition})")


def either(*conditions: str) -> str:
    """Return the condition that one of several holds."""
    left = [condition for condition in conditions if condition != FALSE]
    if TRUE in left:
        return TRUE
    return " or ".join(f"({condition})" for condition in left) or FALSE


def both(*conditions: str) -> str:
    """Return the condition that all of several hold."""
    left = [condition for condition in conditions if condition != TRUE]
    if FALSE in left:
        return FALSE
    return " and ".join(f"({condition})" for condition in left) or TRUE


def choose(*cases: tuple[str, str], otherwise: str) -> str:
    """Return the value of the first condition that holds."""
    left = []
    for condition, value in cases:
        if condition == TRUE:
            otherwise = value
            break
        if condition != FALSE:
            left.append((condition, value))
    if all(value == otherwise for _, value in left):
        return otherwise
    whens = " ".join(f"when {condition} then {value}" for condition, value in left)
    return f"case {whens} else {otherwise} end"


def _bracketed(count: str) -> str:
    return (
        count
        if count.isidentifier() or (count.endswith(")") and count.startswith(("least", "greatest")))
        else f"({count})"
    )
