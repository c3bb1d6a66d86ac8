"""What an environment prepares once, after installation: `python -m dagster_project.set_up`.

The parse of dbt/ and the build of an empty home; both are kept by the content of dbt/, and depend on no home.
"""

from __future__ import annotations

from dagster_project.books import empty
from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project


def set_up() -> None:
    """Parse dbt/ and build an empty home, unless both were done."""
    dbt = project()
    empty.make(dbt, lambda home: build(home, dbt))


if __name__ == "__main__":
    set_up()
