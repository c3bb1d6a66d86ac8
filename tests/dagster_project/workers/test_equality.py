"""Workers give the same books: every relation and every load record, also if a worker or the driver is killed.

Slow: about 25 CPU-seconds for the nights here, and 35 for each place.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.set_up import set_up
from dagster_project.workers.driving import DONE, close_all
from ingestion.duck import literal
from ingestion.home import HOME_VARIABLE, Home
from ingestion.load_records import every
from tests.dagster_project.workers import two_nights

pytestmark = pytest.mark.slow

#: When something happened, and which file it is in.
NOT_COMPARED = {
    "fct_restatements": ["restated_at", "before_file", "after_file"],
    "rpt_restated_requests": ["restated_at"],
}
#: Far more than a night takes.
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOLLBOOK_TODAY", "2026-09-03")
        yield patch


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    set_up()
    home = Home(tmp_path_factory.mktemp("world") / "home")
    two_nights.write(home)
    return home


@pytest.fixture(scope="module")
def here(world: Home, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Home:
    """Both nights in this process."""
    patch.delenv("TOLLBOOK_WORKERS", raising=False)
    home = copied(world, tmp_path_factory.mktemp("here"), patch)
    before = DONE.tasks
    two_nights.first_night(home)
    two_nights.close_august(home)
    two_nights.second_night(home)
    assert DONE.tasks == before
    return home


def copied(world: Home, folder: Path, patch: pytest.MonkeyPatch) -> Home:
    home = Home(folder / "home")
    shutil.copytree(world.root, home.root)
    patch.setenv(HOME_VARIABLE, str(home.root))
    return home


def on_workers(where: str, patch: pytest.MonkeyPatch) -> None:
    """Days of 60 requests are worth a task, so that a model has two or three."""
    patch.setenv("TOLLBOOK_WORKERS", where)
    patch.setenv("TOLLBOOK_TASK_ROWS", "60")
    patch.setenv("TOLLBOOK_WORKER_MEMORY", "500MB")


def wait_for(seen: Callable[[], Any]) -> Any:
    started = time.monotonic()
    while not (found := seen()):
        assert time.monotonic() - started < PATIENCE_SECONDS
        time.sleep(0.005)
    return found


def test_a_pool_gives_the_same_books_though_driver_and_worker_are_killed(
    world: Home, here: Home, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    """The driver dies when the first batch of requests is made, a worker in the middle of another."""
    home = copied(world, tmp_path, patch)
    on_workers("pool:2", patch)
    requests = home.tasks / "fct_usage_costs"
    driver = subprocess.Popen(
        [sys.executable, str(Path(two_nights.__file__)), str(home.root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    wait_for(lambda: driver.poll() is not None or finished(requests))
    driver.kill()
    assert driver.wait() == -signal.SIGKILL

    killer = threading.Thread(
        target=kill_a_worker_of, args=(requests, set(requests.glob(".tmp-*"))), daemon=True
    )
    killer.start()
    _, result = two_nights.first_night(home)
    killer.join()
    batches = {path.stem.partition("_")[0] for path in home.lake.glob("fct_usage_costs/*/*.parquet")}
    assert 0 < result.work["fct_usage_costs"].tasks < len(batches)
    two_nights.close_august(home)
    two_nights.second_night(home)
    assert differences(here, home) == {}
    assert nothing_new(home) == 0
    assert not list(home.lake.rglob("*.duckdb"))
    close_all()


def finished(folder: Path) -> list[Path]:
    """Batches that are complete."""
    return [path for path in folder.glob("*") if path.is_dir() and not path.name.startswith(".tmp-")]


def kill_a_worker_of(folder: Path, left: set[Path]) -> None:
    """Kill a process of the pool while an attempt is unfinished that the killed driver did not leave."""
    wait_for(lambda: set(folder.glob(".tmp-*")) - left)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)


def nothing_new(home: Home) -> int:
    """The tasks of a night to which nothing was delivered."""
    before = DONE.tasks
    two_nights.read(home)
    assert set(two_nights.built(home).days_rebuilt.values()) == {0}
    return DONE.tasks - before


@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'tollbook[ray]'"
)
def test_ray_gives_the_same_books(world: Home, here: Home, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    on_workers("ray://local", patch)
    assert_the_same(copied(world, tmp_path, patch), here)


@pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None,
    reason="Spark is not installed: pip install 'tollbook[spark]'",
)
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java, which Spark needs")
def test_spark_gives_the_same_books(
    world: Home, here: Home, tmp_path: Path, patch: pytest.MonkeyPatch, spark_cluster: str
) -> None:
    on_workers(spark_cluster, patch)
    assert_the_same(copied(world, tmp_path, patch), here)


def assert_the_same(home: Home, here: Home) -> None:
    try:
        _, first = two_nights.first_night(home)
        two_nights.close_august(home)
        two_nights.second_night(home)
        assert first.work["fct_usage_costs"].tasks > 1
        assert differences(here, home) == {}
        assert nothing_new(home) == 0
    finally:
        close_all()


def load_records(home: Home) -> list[dict[str, Any]]:
    """What was read of every file; the late one was not delivered at the same moment."""
    return [{**content, "mtime_ns": None} for _, content in every(home)]


def differences(here: Home, there: Home) -> dict[str, Any]:
    """Relations and load records of two homes that are not the same; adjustments and restatements among them."""
    assert load_records(here) == load_records(there)
    found = {}
    with closing(duckdb.connect()) as session:
        for name, home in (("here", here), ("there", there)):
            session.execute(f"attach {literal(home.build_database)} as {name} (read_only)")
        relations = session.sql(
            """
            select schema_name || '.' || table_name from duckdb_tables()
            where database_name = 'here' and schema_name != 'meta' and estimated_size > 0
            union all select 'marts.fct_usage_costs' union all select 'marts.fct_traffic_minutely'
            """
        ).fetchall()
        for (relation,) in relations:
            left_out = NOT_COMPARED.get(relation.partition(".")[2], [])
            columns = f"* exclude ({', '.join(left_out)})" if left_out else "*"
            rows = [f"select {columns} from {place}.{relation}" for place in ("here", "there")]
            for one, other in (rows, rows[::-1]):
                if different := session.sql(f"{one} except all {other} limit 3").fetchall():
                    found[relation] = different
        for count in (
            "select count(*) from here.marts.fct_usage_costs where adjusts_event_id is not null",
            "select count(*) from here.marts.fct_restatements",
            "select count(*) from here.marts.fct_usage_costs where discount_rule_id = 'volume'",
        ):
            assert session.sql(count).fetchall()[0][0] > 0, count
    return found
