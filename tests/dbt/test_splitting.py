"""The same lines in one file a day, in three or in one each, in any order, over one night or two: the same marts.

Compared is every published table of usage, but for what tells of files and nights: lineage (`raw_file`,
`raw_line`), the number of files, and what a later night says other than an earlier one did (restatements).
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.home import HOME_VARIABLE, Home
from ingestion.sandbox import write_world
from ingestion.sandbox.gateways import CONNECTORS
from tests.dbt.conftest import USAGE, build, infron_line, land_text

WORLD = {"days": 2, "requests_per_day": 6, "seed": 649}
DAY = "dt=2026-08-03"
SECOND = 1785766919
SELECT = (*USAGE, "+fct_usage_daily", "+rpt_unknown_fields", "+stg_new_api__topups")
#: Columns that tell of files, and tables that tell of nights.
OF_FILES = {"raw_file", "raw_line", "files"}
OF_NIGHTS = {"fct_restatements", "rpt_restated_requests", "dq_results"}


def item(quota: int, **changes: Any) -> dict[str, Any]:
    """One log item; without a request id unless a case gives it one."""
    line = {
        "id": 1,
        "created_at": SECOND,
        "type": 2,
        "model_name": "gpt-4o",
        "quota": quota,
        "prompt_tokens": 20,
    }
    return {**line, **changes}


def topup(status: str, complete_time: int) -> dict[str, Any]:
    paid = {
        "id": 5,
        "user_id": 7,
        "amount": 20,
        "money": 20.0,
        "payment_method": "stripe",
        "trade_no": "ref_5",
    }
    return {**paid, "create_time": SECOND, "complete_time": complete_time, "status": status}


HEADER = (
    "Time,Usage,Model,Key Name,Group,Call Type,Duration (ms),Input Tokens,Output Tokens,Tokens,Cost,HTTP Status,"
    "Error"
)
CONSOLE = "2026-08-03 07:21:59,9923,claude-sonnet-4-5,prod-web,vip,Chat,{},10000,500,10500,0.019846,200,"
#: What the world has none of: items that share a request or have no id, rows of the console that say the same, a call
#: delivered twice on one day, a top-up that was paid.
BESIDE: dict[str, list[Any]] = {
    f"new_api/logs/{DAY}/beside.ndjson": [
        item(1000, request_id="r-pair"),
        item(250, request_id="r-pair"),
        item(250, request_id="r-pair", created_at=SECOND + 1, other='{"new_fee":1,"model_ratio":1.25}'),
        item(0, request_id="r-pair", type=5, content="too many requests"),
        item(250, request_id="r-pair", type=6),
        item(100),
        item(100, id=2),
        item(100, id=3, use_time=1),
        item(0, type=4, model_name="", content="Two-factor authentication enabled"),
        item(0, type=4, model_name="", content="Two-factor authentication enabled"),
    ],
    f"new_api/topups/{DAY}/beside.ndjson": [topup("pending", 0), topup("success", SECOND + 60)],
    f"tokenopen/logs/{DAY}/console.csv": [HEADER, *(CONSOLE.format(ms) for ms in (4210, 4210, 4211))],
    f"infron/logs/{DAY}/beside.ndjson": [
        infron_line("gen-twice", created_at="2026-08-03T07:21:59.391Z", usage={"completion_tokens": tokens})
        for tokens in (500, 1000, 750)
    ],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The lines, as one file a folder and kind of file; landed nowhere yet."""
    written = Home(tmp_path_factory.mktemp("split") / "written")
    write_world(written.root, **WORLD, connectors=tuple(CONNECTORS))
    for landed in written.landing.iterdir():
        if landed.name not in CONNECTORS:
            shutil.rmtree(landed)
    sources = ["sources:", *(f"  {name}: {{connector: {name}}}" for name in (*CONNECTORS, "new_api"))]
    sources[sources.index("  aisa: {connector: aisa}")] = "  aisa: {connector: aisa, trusted_ids: true}"
    sources[sources.index("  tokenopen: {connector: tokenopen}")] = (
        "  tokenopen: {connector: tokenopen, trusted_ids: true}"
    )
    written.sources_file.write_text("\n".join(sources) + "\n")
    for path, lines in BESIDE.items():
        land_text(written, path, lines)
    return written


def folders(home: Home) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Yield each folder of landed files with a suffix, the header and the lines of its files together."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for path in sorted(path for path in home.landing.rglob("*") if path.is_file()):
        suffix = Path(path.name.removesuffix(".gz")).suffix
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        lines = text.splitlines()
        header, own = found.setdefault((str(path.parent.relative_to(home.landing)), suffix), ([], []))
        if suffix == ".csv":
            header[:], lines = lines[:1], lines[1:]
        own += lines
    for (folder, suffix), (header, lines) in found.items():
        yield folder, suffix, header, lines


def lay_out(world: Home, home: Home, files_a_day: int, seed: int | None) -> list[Path]:
    """Land the world's lines in so many files a folder, in an order of its own; return the files."""
    home.root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(world.config, home.config)
    shutil.copy(world.sources_file, home.sources_file)
    chance, landed = random.Random(seed), []
    for folder, suffix, header, lines in folders(world):
        if seed is not None:
            chance.shuffle(lines)
        count = min(files_a_day, len(lines))
        names = [f"{chance.randrange(10**6):06}-{number}" for number in range(count)]
        for number, name in enumerate(names):
            landed.append(land_text(home, f"{folder}/{name}{suffix}", [*header, *lines[number::count]]))
    chance.shuffle(landed)
    return landed


def marts(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every published table, without columns about files and nights."""
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        columns: dict[str, list[str]] = {}
        for table, column in session.sql(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' order by column_index"
        ).fetchall():
            if column not in OF_FILES and table not in OF_NIGHTS:
                columns.setdefault(table, []).append(f'"{column}"')
        return {
            table: session.sql(f"select {', '.join(names)} from marts.{table} order by all").fetchall()
            for table, names in columns.items()
        }


@pytest.fixture(scope="module")
def whole(world: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What one file a day becomes."""
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        lay_out(world, home, 1, None)
        build(home, SELECT)
    return marts(home)


@pytest.mark.parametrize(
    ("files_a_day", "nights"), [(3, 2), (1000, 1)], ids=["three files, two nights", "a file a line"]
)
def test_how_lines_are_split_over_files_and_nights_changes_no_mart(
    world: Home, whole: dict[str, list[tuple[Any, ...]]], home: Home, files_a_day: int, nights: int
) -> None:
    landed = lay_out(world, home, files_a_day, seed=files_a_day)
    later = landed[len(landed) // nights :]
    for night in range(nights):
        for file in later if nights > 1 else []:
            held = home.root / f"held-{later.index(file)}"
            shutil.move(*((file, held) if night == 0 else (held, file)))
        build(home, SELECT)
    found = marts(home)
    assert found.keys() == whole.keys()
    assert {table: rows for table, rows in found.items() if rows != whole[table]} == {}


def test_the_world_has_what_files_could_hide(whole: dict[str, list[tuple[Any, ...]]]) -> None:
    """Items of one request, an undeclared field, and a call that was delivered three times on one day."""
    assert len(whole["fct_usage_costs"]) > 60
    text = json.dumps(whole, default=str)
    for number in ("r-pair", "new_fee", "gen-twice"):
        assert number in text
