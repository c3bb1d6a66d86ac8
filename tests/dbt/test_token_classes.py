"""The token classes are listed once, in dbt_project.yml: SQL loops over them, so that a new class is one new entry."""

from __future__ import annotations

import re

from dagster_project.dbt_runner.project import PROJECT_DIR
from dagster_project.dbt_runner.token_classes import token_classes

#: What the columns of a class's price end in.
PRICED_IN = ("usd_per_mtok", "picousd", "yoctousd", "atto")
#: Files, or folders, whose SQL may name several classes, with the reason.
ALLOWED = {
    "macros/unit_fixtures.sql": "a case of a unit test has plain input and output unless it says else",
    "macros/variance.sql": "some mistakes take one class for another, as an hour's write for five minutes'",
    "models/intermediate/quality/detectors/int_price_days.sql": "a price that moved is one of plain input and output",
    "models/intermediate/quality/int_key_model_days.sql": "these two prices",
    "models/intermediate/pricing/int_usage_events_explained.sql": "what a row leaves out is reasoning or plain input",
    "models/intermediate/pricing/int_usage_events_gateway_rated.sql": "New-API prices audio and unsplit writes apart",
    "models/staging/": "where a gateway's own counts become classes",
}


def classes_named(sql: str) -> set[str]:
    """The classes of which a text names the column of tokens or one of prices."""
    words = set(re.findall(r"\w+", sql))
    return {
        entry.name
        for entry in token_classes()
        if words & {entry.tokens, *(f"{entry.name}_{unit}" for unit in PRICED_IN)}
    }


def files_that_name_several() -> set[str]:
    named = {
        path.relative_to(PROJECT_DIR).as_posix(): classes_named(path.read_text(encoding="utf-8"))
        for folder in ("macros", "models", "published", "tests")
        for path in (PROJECT_DIR / folder).rglob("*.sql")
    }
    return {path for path, classes in named.items() if len(classes) > 1}


def test_a_text_names_a_class_by_its_tokens_or_by_a_price() -> None:
    named = (
        "input_tokens + reasoning_tokens * output_usd_per_mtok + cache_read_atto -- a cache_read costs less"
    )
    assert classes_named(named) == {"output_reasoning", "output", "cache_read"}


def test_no_sql_spells_out_several_classes_by_hand() -> None:
    assert sorted(path for path in files_that_name_several() if not path.startswith(tuple(ALLOWED))) == []


def test_every_exception_is_needed() -> None:
    found = files_that_name_several()
    assert [allowed for allowed in ALLOWED if not any(path.startswith(allowed) for path in found)] == []
