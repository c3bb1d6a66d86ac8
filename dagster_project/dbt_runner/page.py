"""The parsed project + a home's build.duckdb → dbt's documentation, one HTML file that holds everything it shows.

What the page lists comes from the parse, types and compiled SQL from the relations of the home.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.dbt_runner.build import DbtBroken, close_connections, environment
from dagster_project.dbt_runner.project import DbtProject
from ingestion.files import whole
from ingestion.home import Home


def write_page(home: Home, project: DbtProject, page: Path) -> None:
    """Write the documentation of `project`, with the types of `home`, as one file without outside requests.

    Raises:
        DbtBroken: dbt wrote no page.
    """
    from dbt.cli.main import dbtRunner

    with TemporaryDirectory() as folder, environment(home):
        try:
            outcome = dbtRunner(manifest=project.manifest()).invoke(
                [
                    *("docs", "generate", "--static"),
                    *project.arguments,
                    *("--target-path", folder, "--log-path", folder),
                    *("--log-level", "none", "--log-level-file", "none"),
                ]
            )
        finally:
            close_connections()
        if not outcome.success:
            raise DbtBroken(f"dbt wrote no documentation: {outcome.exception}")
        with whole(page) as temporary:
            shutil.copyfile(Path(folder) / "static_index.html", temporary)
