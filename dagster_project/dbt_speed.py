"""Two functions of dbt that cost a third of a build, done with less work; the pinned versions are why that may be.

inject_ctes_into_sql   parses a whole statement to find its first WITH; a statement of ours is hundreds of kilobytes
build_type_tester      builds a parser of dates in every language for every result; it is the same each time
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

#: Blanks and comments, then WITH: where the CTEs of ephemeral models go, in front of a statement's own.
_WITH = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*with\s+(?:recursive\s+)?", re.IGNORECASE | re.DOTALL)


def inject_ctes(sql: str, ctes: Sequence[Any]) -> str:
    """Put the CTEs (each `.sql` reads `name as (…)`) in front of a statement's own, or before a plain one."""
    if not ctes:
        return sql
    injected = ", ".join(cte.sql for cte in ctes)
    found = _WITH.match(sql)
    if not found:
        return f"with {injected} {sql}"
    return f"{sql[: found.end()]}{injected}, {sql[found.end() :]}"


@contextmanager
def less_work() -> Iterator[None]:
    """Let dbt use these for as long as the block lasts."""
    from dbt_common.clients import agate_helper

    from dbt import compilation

    injected, built = compilation.inject_ctes_into_sql, agate_helper.build_type_tester
    compilation.inject_ctes_into_sql = inject_ctes
    agate_helper.build_type_tester = _remembering(built)
    try:
        yield
    finally:
        compilation.inject_ctes_into_sql, agate_helper.build_type_tester = injected, built


def _remembering(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return `build` asked once for equal arguments."""
    remembered = lru_cache(maxsize=64)(build)

    def build_type_tester(
        text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
    ) -> Any:
        return remembered(tuple(text_columns), string_null_values and tuple(string_null_values))

    return build_type_tester
