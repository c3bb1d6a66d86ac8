"""Token classes of a log item: disjoint, none larger than its whole, however its figures relate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

MODEL = Path(__file__).parents[2] / "dbt" / "models" / "staging" / "new_api" / "stg_new_api__item_events.sql"
STATED = (
    *("all_prompt_tokens", "all_completion_tokens", "read_tokens", "write_tokens", "write_1h_tokens"),
    *("image_in_tokens", "audio_in_tokens", "audio_out_tokens", "image_cache_tokens"),
)

#: What the classes are compared with stands beside them.
EVERYTHING = ("tokens.* from disjoint", "disjoint.* exclude (input_tokens, is_contradictory) from disjoint")


@pytest.fixture(scope="module")
def classes() -> str:
    """The model's own SQL from an item's counts (`tokens`) to its classes."""
    text = MODEL.read_text()
    between = text[
        text.index("counted_by as (") : text.index("usage_events as (\n    select\n        ---------- ids")
    ]
    chosen = re.search(r"---------- tokens\n(.*?)\{\{ absent\('media_tokens'", text, re.DOTALL)[1]
    return f"{between.rstrip().rstrip(',')} select {chosen} input_tokens, is_contradictory, tokens.* from disjoint"


def one(classes: str, said: str = "null", **stated: int) -> dict[str, Any]:
    """Return the classes of an item with these counts, and `said` on whether the prompt includes its reads."""
    columns = ", ".join(f"cast({stated.get(name, 0)} as bigint) as {name}" for name in STATED)
    tokens = f"{columns}, 1 as carries_tokens, {said} as is_said_exclusive, 'openai' as default_semantic"
    found = duckdb.sql(f"with tokens as (select {tokens}), {classes.replace(', tokens.*', '')}")
    row = dict(zip(found.columns, found.fetchall()[0], strict=True))
    return {name: value for name, value in row.items() if value}


def test_pictures_that_came_from_the_cache_count_once(classes: str) -> None:
    """new-api#7229: of 24,643 prompt tokens 24,503 were read and 22,000 are images', so 21,860 of those were read."""
    stated = {"all_prompt_tokens": 24643, "read_tokens": 24503, "image_in_tokens": 22000}
    assert one(classes, **stated) == {
        "cache_read_image_tokens": 21860,
        "cache_read_tokens": 2643,
        "input_image_tokens": 140,
        "input_tokens": 24643,
    }


def test_stated_cached_images_go_before_inferred_ones(classes: str) -> None:
    """300 read of 600, of them 200 of 250 image tokens: 100 and 50 are left, and 250 of text."""
    stated = {"all_prompt_tokens": 600, "read_tokens": 300, "image_in_tokens": 250, "image_cache_tokens": 200}
    assert one(classes, **stated) == {
        "cache_read_image_tokens": 200,
        "cache_read_tokens": 100,
        "input_image_tokens": 50,
        "uncached_input_tokens": 250,
        "input_tokens": 600,
    }


def test_a_prompt_smaller_than_its_reads_excludes_them_unless_stated_otherwise(classes: str) -> None:
    """62 prompt tokens beside 3,544 read; of a prompt that is stated to include them at most 62 were read."""
    stated = {"all_prompt_tokens": 62, "read_tokens": 3544}
    beside = {"uncached_input_tokens": 62, "cache_read_tokens": 3544, "input_tokens": 3606}
    assert one(classes, **stated) == beside
    within = {"cache_read_tokens": 62, "input_tokens": 62, "is_contradictory": True}
    assert one(classes, "false", **stated) == within


def test_classes_are_disjoint_and_add_up_for_any_figures(classes: str) -> None:
    """100,000 random items, most of which cannot be: none loses a token of its prompt, none has a class below 0."""
    columns = ", ".join(f"cast(random() * random() * 100 as bigint) as {name}" for name in STATED)
    said = "case when random() < 0.3 then true when random() < 0.5 then false end"
    tokens = (
        f"select {columns}, 1 as carries_tokens, {said} as is_said_exclusive, 'openai' as default_semantic"
    )
    inputs = (
        *("uncached_input_tokens", "cache_read_tokens", "cache_read_audio_tokens", "cache_read_image_tokens"),
        *("cache_write_5m_tokens", "cache_write_1h_tokens", "input_audio_tokens", "input_image_tokens"),
    )
    outputs = ("output_text_tokens", "output_audio_tokens")
    with duckdb.connect() as session:
        session.execute("select setseed(0.649)")
        session.execute(
            f"create table stated as with tokens as ({tokens} from range(100000)), {classes.replace(*EVERYTHING)}"
        )
        broken = session.sql(
            f"""
            select count(*) filter (where {" + ".join(inputs)} != input_tokens),
                count(*) filter (where {" + ".join(outputs)} != all_completion_tokens),
                count(*) filter (where least({", ".join((*inputs, *outputs))}) < 0),
                count(*) filter (where input_tokens < all_prompt_tokens),
                count(*) filter (where not is_exclusive and input_tokens != all_prompt_tokens),
                count(*) filter (where not is_contradictory
                    and cache_read_image_tokens + input_image_tokens != image_in_tokens),
                count(*) filter (where not is_contradictory
                    and cache_read_audio_tokens + input_audio_tokens != audio_in_tokens),
                count(*) filter (where not is_contradictory and cache_read_tokens + cache_read_image_tokens
                    + cache_read_audio_tokens + all_write_tokens != read_tokens + write_tokens)
            from stated
            """
        ).fetchall()
        assert {count for row in broken for count in row} == {0}
        [(possible,)] = session.sql("select count(*) from stated where not is_contradictory").fetchall()
        assert 1000 < possible < 99000
