"""Workers for tests: two processes, which the tests of a module share, and tasks of a few rows."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.workers.driving import close_all


@pytest.fixture(scope="module")
def _processes() -> Iterator[None]:
    """End the processes with the module."""
    yield
    close_all()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, _processes: None) -> None:
    """A pool of two, for which one row is worth a task."""
    monkeypatch.setenv("TOLLBOOK_WORKERS", "pool:2")
    monkeypatch.setenv("TOLLBOOK_TASK_ROWS", "1")
    monkeypatch.setenv("TOLLBOOK_WORKER_MEMORY", "500MB")


@pytest.fixture
def spark_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A standalone Spark on this machine, a master and two workers of one core; yields its address."""
    import pyspark

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"spark://127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_WORKER_DIR": str(tmp_path / "work"),
        "PYSPARK_PYTHON": sys.executable,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    spark_class = str(Path(settings["SPARK_HOME"]) / "bin" / "spark-class")
    host = ["--host", "127.0.0.1", "--webui-port", "0"]
    log = tmp_path / "spark.log"
    with log.open("w") as output:

        def started(name: str, *arguments: str) -> subprocess.Popen:
            command = [spark_class, f"org.apache.spark.deploy.{name}", *host, *arguments]
            return subprocess.Popen(command, stdout=output, stderr=output, env=dict(os.environ))

        daemons = [started("master.Master", "--port", address.rpartition(":")[2])]
        daemons += [started("worker.Worker", "--cores", "1", "--memory", "1g", address) for _ in range(2)]
        try:
            for _ in range(600):
                if len(re.findall("Successfully registered with master", log.read_text())) == 2:
                    break
                time.sleep(0.1)
            yield address
        finally:
            for daemon in daemons:
                daemon.terminate()
                daemon.wait()
