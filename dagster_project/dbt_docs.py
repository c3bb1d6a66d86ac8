"""Write the documentation of the dbt project: `make docs`.

    parse of dbt/ ─► docs/data-dictionary.md
    parse of dbt/, build of an empty home ─► dbt/target/docs.html

It shows code, never data, so it needs no home of one's own and disturbs no night.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.books import empty
from dagster_project.dbt_runner.dictionary import dictionary
from dagster_project.dbt_runner.page import write_page
from dagster_project.dbt_runner.project import project
from dagster_project.set_up import set_up
from dagster_project.shipped import cache
from ingestion.home import Home


def write() -> Path:
    """Write the page and return its place."""
    set_up()
    page = cache("dbt") / "docs.html"
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        empty.begin(home, project())
        write_page(home, project(), page)
    return page


def write_dictionary() -> None:
    """Write docs/data-dictionary.md, in a checkout."""
    documents = project().folder.with_name("docs")
    if documents.is_dir():
        (documents / "data-dictionary.md").write_text(dictionary(project()), encoding="utf-8")


if __name__ == "__main__":
    write_dictionary()
    print(f"open {write().as_uri()}")
