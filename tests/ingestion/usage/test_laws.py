"""The laws of a reading, over random usage objects in the shapes gateways write."""

from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.connectors.litellm.token_counts import USAGE_READING
from ingestion.usage import OPENROUTER, USAGE_COLUMNS, UsageReading, at

NAMES = [field.name for field in USAGE_READING.fields if field.kind.name == "tokens"]
LONG = "metadata_usage_object_"
INPUT = USAGE_COLUMNS[:10]
OUTPUT = USAGE_COLUMNS[10:15]
#: Few and small numbers, so that sums meet by chance as well.
COUNTS = st.sampled_from([0, 0, 1, 2, 3, 5, 8, 40, 97])
OBJECTS = st.lists(st.dictionaries(st.sampled_from(NAMES), COUNTS, max_size=9), min_size=1, max_size=40)


def read(*objects: dict[str, int], reading: UsageReading = USAGE_READING) -> list[dict]:
    """Return what becomes of objects given by the names of their fields."""
    present = sorted({name for usage in objects for name in usage})
    rows = ", ".join(
        f"({place}, {', '.join(str(usage.get(name, 'null')) for name in present) or 'null'})"
        for place, usage in enumerate(objects)
    )
    steps = reading.steps(set(present))
    names = ["told_fields", *(f"step_{place}" for place in range(len(steps)))]
    ctes = ", ".join(
        f"{name} as (select *, {', '.join(f'cast({c.sql} as {c.sql_type}) as {c.name}' for c in step)} from {before})"
        for before, name, step in zip(names, names[1:], steps, strict=False)
    )
    found = duckdb.sql(
        f"with told_fields as (select place, {', '.join(f'cast({n} as bigint) as {n}' for n in present) or '0 as x'}"
        f" from (values {rows}) as given(place, {', '.join(present) or 'nothing'})), {ctes}"
        f" select {', '.join(USAGE_COLUMNS)} from {names[-1]} order by place"
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@settings(max_examples=40, deadline=None)
@given(OBJECTS)
def test_classes_are_disjoint_never_negative_and_add_up(objects):
    for row in read(*objects):
        assert all(row[name] >= 0 for name in (*INPUT, *OUTPUT))
        assert sum(row[name] for name in INPUT) == row["input_tokens"]
        assert sum(row[name] for name in OUTPUT) == row["output_tokens"]


@settings(max_examples=20, deadline=None)
@given(OBJECTS)
def test_a_zero_is_as_good_as_a_missing_key(objects):
    assert read(*objects) == read(
        *({name: count for name, count in usage.items() if count} for usage in objects)
    )


@settings(max_examples=20, deadline=None)
@given(OBJECTS)
def test_a_file_of_many_shapes_reads_as_each_object_alone(objects):
    assert read(*objects[:5]) == [row for usage in objects[:5] for row in read(usage)]


def one(**counts: int) -> tuple:
    [row] = read({LONG + name.replace("__", "_details_"): count for name, count in counts.items()})
    return row["input_tokens"], row["output_tokens"], row["uncached_input_tokens"], row["usage_source"]


def test_a_prompt_that_holds_neither_reads_nor_writes():
    """1 + 965,602 + 225 = 965,828; the total of 83 leaves the cache out."""
    usage = {"prompt_tokens": 1, "completion_tokens": 82, "total_tokens": 83}
    cache = {"cache_read_input_tokens": 965_602, "cache_creation_input_tokens": 225}
    assert one(**usage, **cache) == (965_828, 82, 1, "reported")


def test_a_prompt_that_holds_the_reads_but_not_the_writes():
    """5,000 holds 4,000 read; 2,000 written stand beside it."""
    usage = {"prompt_tokens": 5_000, "completion_tokens": 10, "total_tokens": 5_010}
    cache = {"cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 2_000}
    assert one(**usage, **cache) == (7_000, 10, 1_000, "reported")


def test_reasoning_beside_and_inside_the_completion():
    """12 + 1 + 97 = 110."""
    reasoning = {"completion_tokens__reasoning_tokens": 97}
    assert one(prompt_tokens=12, completion_tokens=1, total_tokens=110, **reasoning) == (
        12,
        98,
        12,
        "reported",
    )
    assert one(prompt_tokens=12, completion_tokens=98, total_tokens=110, **reasoning) == (
        12,
        98,
        12,
        "reported",
    )


def test_a_nested_zero_does_not_hide_a_count_at_the_top():
    counts = {"prompt_tokens": 40_000, "completion_tokens": 5, "total_tokens": 40_005}
    cache = {"prompt_tokens__cached_tokens": 0, "cache_read_input_tokens": 38_000}
    assert one(**counts, **cache) == (40_000, 5, 2_000, "reported")


def test_a_total_that_is_no_sum_is_contradictory():
    assert one(prompt_tokens=35, completion_tokens=12, total_tokens=109) == (35, 12, 35, "contradictory")


GENERATIONS = UsageReading(at("", OPENROUTER), is_inclusive=True)
NATIVE = st.fixed_dictionaries(
    {}, optional={field.name: COUNTS for field in GENERATIONS.fields if field.name.startswith("native")}
)


@settings(max_examples=40, deadline=None)
@given(st.lists(NATIVE, min_size=1, max_size=40))
def test_where_inclusion_is_documented_wholes_are_kept_and_parts_are_cut(objects):
    for stated, row in zip(objects, read(*objects, reading=GENERATIONS), strict=True):
        prompt, completion, reads, reasoning, images = (
            stated.get(f"native_tokens_{name}", 0)
            for name in ("prompt", "completion", "cached", "reasoning", "completion_images")
        )
        assert (row["input_tokens"], row["output_tokens"]) == (prompt, completion)
        assert row["cache_read_tokens"] == min(reads, prompt)
        assert row["uncached_input_tokens"] == prompt - row["cache_read_tokens"]
        assert row["reasoning_tokens"] == min(reasoning, completion)
        assert row["output_image_tokens"] == min(images, completion - row["reasoning_tokens"])
        assert sum(row[name] for name in OUTPUT) == completion
        exceeds = reads > prompt or reasoning + images > completion
        used = any(stated.values())
        assert row["usage_source"] == ("contradictory" if exceeds else "reported" if used else "missing")


def generation(**stated: int) -> tuple:
    [row] = read(stated, reading=GENERATIONS)
    return row["input_tokens"], row["output_tokens"], row["usage_source"]


def test_an_estimate_is_used_only_where_the_billed_count_is_missing():
    """A native 0 is a count: nothing was billed, whatever the common tokenizer found."""
    assert generation(tokens_prompt=80, native_tokens_prompt=82, native_tokens_completion=8) == (
        82,
        8,
        "reported",
    )
    assert generation(tokens_prompt=80, tokens_completion=9) == (80, 9, "estimated")
    assert generation(tokens_prompt=80, native_tokens_completion=8) == (80, 8, "estimated")
    assert generation(tokens_prompt=80, native_tokens_prompt=0, native_tokens_completion=0) == (
        0,
        0,
        "missing",
    )
