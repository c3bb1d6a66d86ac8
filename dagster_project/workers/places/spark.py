"""Spark: every task is a job of one partition, and Spark's scheduler places it; DuckDB runs in its Python workers.

Only what all of Spark's classic deployments share is used: a SparkContext, no data frames.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException

from dagster_project.workers.performing import perform
from dagster_project.workers.places import Result, Task
from dagster_project.workers.setting import Setting, WorkersError


class Spark:
    """The session that spark-submit gave, or one at the address of the setting."""

    def __init__(self, setting: Setting) -> None:
        self._is_given = setting.where == "spark"
        try:
            self._context = SparkContext.getOrCreate(None if self._is_given else _configuration(setting))
        except (PySparkException, Py4JError, OSError, RuntimeError) as error:
            raise WorkersError(f"{setting.where}: {_first_line(error)}") from error
        self.slots = max(1, self._context.defaultParallelism // setting.threads)

    def results(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield results as they come; Spark does the task of a lost executor again, on another."""
        with ThreadPoolExecutor(2 * self.slots) as jobs:
            waiting = {jobs.submit(self._result, task): task for task in tasks}
            try:
                for future in as_completed(waiting):
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def close(self) -> None:
        """End the session, unless somebody else started it."""
        if not self._is_given:
            self._context.stop()

    def _result(self, task: Task) -> Result:
        try:
            [result] = self._context.parallelize([task], 1).map(perform).collect()
        except (PySparkException, Py4JError) as error:
            raise WorkersError(f"{task['name']}, on Spark: {_cause(error)}") from error
        return result


def _configuration(setting: Setting) -> SparkConf:
    conf = SparkConf().setMaster(setting.where).setAppName("tollbook")
    conf.set("spark.task.cpus", str(setting.threads)).set("spark.ui.enabled", "false")
    conf.set("spark.ui.showConsoleProgress", "false")
    conf.set("spark.executor.memory", "512m")  # of the JVM, which holds no rows; DuckDB's memory is beside it
    if path := os.environ.get("PYTHONPATH"):
        conf.set("spark.executorEnv.PYTHONPATH", path)
    return conf


def _cause(error: Exception) -> str:
    """Return the line of a Spark error that says what went wrong on the worker."""
    lines = [line.strip() for line in str(error).splitlines() if "Error" in line or "Exception" in line]
    missing = next((line for line in lines if line.startswith("ModuleNotFoundError")), None)
    return f"{missing}; install Tollbook on every worker" if missing else (lines or [_first_line(error)])[0]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
