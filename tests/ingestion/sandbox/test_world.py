"""A world is the same each time, only grows, and leaves other people's files alone."""

from __future__ import annotations

import ast
import json
import sys
from datetime import date
from pathlib import Path

import pytest

import ingestion.sandbox
from ingestion.sandbox import SandboxError, write_world
from ingestion.sandbox.billing.stripe_history import versions
from ingestion.sandbox.gateways import delivery


def contents(home: Path) -> dict[str, bytes]:
    """Every file of a home by its path."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()
    }


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_world(tmp_path / name, 8, 60, 3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 4)):
        write_world(tmp_path / name, 2, 60, seed)
    name = "landing/infron/logs/dt=2026-08-03/part-000.ndjson.gz"
    assert contents(tmp_path / "one")[name] != contents(tmp_path / "two")[name]


def test_more_days_only_add_days(tmp_path: Path) -> None:
    write_world(tmp_path, 9, 60, 3)
    before = contents(tmp_path)
    write_world(tmp_path, 16, 60, 3)
    after = contents(tmp_path)
    landed = {name: body for name, body in before.items() if name.startswith("landing/")}
    assert {name: after[name] for name in landed} == landed
    known = json.loads(before["sandbox/stripe_objects.json"])
    now = json.loads(after["sandbox/stripe_objects.json"])
    for kind, entries in known.items():
        for before_entry, entry in zip(entries, now[kind], strict=False):
            grown, versions_before = versions(entry), versions(before_entry)
            assert grown[: len(versions_before)] == versions_before
        assert len(now[kind]) >= len(entries)


def test_a_world_that_ends_on_a_day_has_its_days_before_and_grows_from_its_own_first(tmp_path: Path) -> None:
    """Three days up to Monday, 2 March 2026, then a fourth."""

    def days() -> list[str]:
        return sorted(folder.name for folder in (tmp_path / "landing/infron/logs").iterdir())

    three = ["dt=2026-02-28", "dt=2026-03-01", "dt=2026-03-02"]
    truth = write_world(tmp_path, 3, 60, 3, last_day=date(2026, 3, 2))
    assert (truth.world["first_day"], truth.world["last_day"]) == ("2026-02-28", "2026-03-02")
    assert days() == three
    assert not [path for path in contents(tmp_path) if "2026-08" in path]
    with pytest.raises(SandboxError, match="from 2026-02-28 on"):
        write_world(tmp_path, 3, 60, 3, last_day=date(2026, 3, 3))
    write_world(tmp_path, 4, 60, 3)
    assert days() == [*three, "dt=2026-03-03"]


def test_writing_a_world_again_leaves_its_files_untouched(tmp_path: Path) -> None:
    write_world(tmp_path, 4, 60, 3)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    write_world(tmp_path, 4, 60, 3)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_nothing_unfinished_is_left_behind(tmp_path: Path) -> None:
    write_world(tmp_path, 8, 60, 3)
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.parametrize("theirs", ["sources.yml", "landing/infron/logs/dt=2026-08-03/real.ndjson"])
def test_a_home_with_real_files_is_refused(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / theirs).write_text("theirs")
    with pytest.raises(SandboxError, match="build the world in an empty home"):
        write_world(tmp_path, 1, 10, 1)
    assert contents(tmp_path) == {theirs: b"theirs"}


@pytest.mark.parametrize(("days", "requests", "seed"), [(2, 60, 3), (3, 61, 3), (3, 60, 4)])
def test_a_world_cannot_turn_into_another(tmp_path: Path, days: int, requests: int, seed: int) -> None:
    write_world(tmp_path, 3, 60, 3)
    with pytest.raises(SandboxError, match="it can only get more days"):
        write_world(tmp_path, days, requests, seed)


@pytest.mark.parametrize(
    ("days", "requests", "seed", "message"),
    [(0, 10, 1, "days is 0"), (1, 0, 1, "requests per day is 0"), (1, 10, -1, "seed is -1")],
)
def test_arguments_out_of_range_are_named(
    tmp_path: Path, days: int, requests: int, seed: int, message: str
) -> None:
    with pytest.raises(SandboxError, match=message):
        write_world(tmp_path, days, requests, seed)


def test_a_world_of_almost_nothing_can_be_written(tmp_path: Path) -> None:
    assert write_world(tmp_path, 12, 1, 1).events["requests"] > 0


def test_a_large_day_is_cut_into_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 a day is 600 on a Monday: two parts of at most 400 lines."""
    monkeypatch.setattr(delivery, "LINES_PER_PART", 400)
    truth = write_world(tmp_path, 1, 500, 1)
    assert truth.files[0]["lines"] == 400
    assert len(truth.files) == 2


def test_the_sandbox_imports_nothing_of_the_rest() -> None:
    """Its modules import the standard library, Polars, NumPy and each other."""
    allowed = {"duckdb", "numpy", "polars", "ingestion.sandbox"} | set(sys.stdlib_module_names)
    for path in Path(ingestion.sandbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith("ingestion.sandbox") or name.split(".")[0] in allowed, (
                    path.name,
                    name,
                )
