"""The three places where tasks run; each has slots and yields the results of perform() as they come.

Spark and Ray are imported only where they are used: they are extras of the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from dagster_project.workers.setting import Setting, WorkersError

Task = Mapping[str, Any]
Result = dict[str, Any]


class Place(Protocol):
    """Workers that are there.

    Attributes:
        slots: tasks that run at once.
    """

    slots: int

    def results(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield the result of every task, as it is done; a task of a worker that died is done again."""

    def close(self) -> None:
        """Let the workers go."""


def opened(setting: Setting) -> Place:
    """Return the workers of a setting.

    Raises:
        WorkersError: they cannot be reached, or the extra is not installed.
    """
    if setting.kind == "pool":
        from dagster_project.workers.places.pool import Pool

        return Pool(setting)
    extra = {"spark": "pyspark", "ray": "ray"}[setting.kind]
    try:
        if setting.kind == "spark":
            from dagster_project.workers.places.spark import Spark as Cluster
        else:
            from dagster_project.workers.places.ray import Ray as Cluster
    except ModuleNotFoundError as error:
        if error.name != extra:
            raise
        raise WorkersError(f"{setting.where} needs {extra}: pip install 'tollbook[{setting.kind}]'") from None
    return Cluster(setting)
