"""Three functions of dbt that cost a third of a build, done with less work; the pinned versions are why that may be.

inject_ctes_into_sql   parses a whole statement to find its first WITH; a statement of ours is hundreds of kilobytes
build_type_tester      builds a parser of dates in every language for every result; it is the same each time
ParseDict              reads each of its 20,000 events as if it were JSON; its messages can be made of the values
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

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


def message_of(content: Mapping[str, Any], message: Message) -> Message:
    """Return a message of a dict, as `google.protobuf.json_format.ParseDict` does, which has the last word.

    Args:
        content: Fields; of an event as dbt sends it, what all events have stands in `info`, its time as text.
        message: An empty one of the class to return.
    """
    values = dict(content)
    try:
        if "info" in values:
            at = Timestamp()
            at.FromJsonString(values["info"]["ts"])
            values["info"] = {**values["info"], "ts": at}
        return type(message)(**values)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ParseDict(dict(content), message)


@contextmanager
def less_work() -> Iterator[None]:
    """Let dbt use these for as long as the block lasts."""
    from dbt_common.clients import agate_helper
    from dbt_common.events import base_types

    from dbt import compilation

    replaced = (
        (compilation, "inject_ctes_into_sql", inject_ctes),
        (agate_helper, "build_type_tester", _remembering(agate_helper.build_type_tester)),
        (base_types, "ParseDict", message_of),
    )
    with ExitStack() as stack:
        for module, name, ours in replaced:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, ours)
        yield


def _remembering(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return `build` asked once for equal arguments."""
    remembered = lru_cache(maxsize=64)(build)

    def build_type_tester(
        text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
    ) -> Any:
        return remembered(tuple(text_columns), string_null_values and tuple(string_null_values))

    return build_type_tester
