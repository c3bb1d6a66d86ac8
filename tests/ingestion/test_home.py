"""Where a home can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.home import Home, HomeUnusable


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a?b", "DuckDB reads options"),
        ("a\\b", "DuckDB reads a /"),
        ("dt=2026-11-01", "DuckDB reads such a folder as a partition"),
        ("a%41", "Dagster's database reads it as one sign"),
        ("a\nb", "not printable"),
        ("\udcff", "not printable"),
        ("file", "is not a folder"),
    ],
)
def test_a_path_that_cannot_be_a_home_is_reported_with_its_obstacle(tmp_path: Path, name: str, message: str):
    (tmp_path / "file").touch()
    with pytest.raises(HomeUnusable, match=message):
        Home.locate(tmp_path / name)


def test_any_other_path_can(tmp_path: Path):
    assert Home.locate(tmp_path / "it's [a] *, é 50% #$x").root.parent == tmp_path
