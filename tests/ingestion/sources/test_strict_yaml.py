"""YAML: repeated keys, aliases, nesting, and impossible values."""

from __future__ import annotations

from datetime import date

import pytest

from ingestion.sources.strict_yaml import YamlError, load_yaml

#: Each line is ten times the one above.
BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)
)
MERGED_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 20)
)


def test_aliases_and_merges_are_what_they_stand_for():
    assert load_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2026-11-02}\n") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": date(2026, 11, 2)},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "aliases repeat more than 100,000 values"),
        (MERGED_BOMB, "aliases repeat more than 100,000 values"),
        ("a: &a [*a]", "refers to itself"),
        ("a: " + "[" * 100_000, "nested deeper than 30 levels"),
        ("\n".join(" " * n + "a:" for n in range(1000)), "nested deeper than 30 levels"),
        ("a: {b: 1, b: 2}", "b occurs twice; keep one of them"),
        ("a: " + "x" * 1_000_001, "longer than 1,000,000 characters"),
        ("a: 2026-02-31", "not valid YAML"),
        ("a: 2026-11-02T00:00:00+99:00", "not valid YAML"),
        ("a: !!int x", "not valid YAML"),
        ("? {a: 1}\n: 2", "not valid YAML"),
        ("a: [", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
    ],
    ids=lambda text: text[:40],
)
def test_what_cannot_be_used_is_reported_in_a_sentence(text: str, message: str):
    with pytest.raises(YamlError, match=message):
        load_yaml(text)
