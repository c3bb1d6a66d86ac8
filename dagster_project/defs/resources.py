"""Resources only: the home every asset works on, and the dbt project that builds the warehouse."""

import dagster as dg

from dagster_project.dbt_runner.project import DbtProject, project
from ingestion.home import Home
from ingestion.sources import Source, load_sources


class HomeResource(dg.ConfigurableResource):
    """The Tollbook home at `root`."""

    root: str

    @property
    def home(self) -> Home:
        """Its paths and its lock."""
        return Home.locate(self.root)

    @property
    def sources(self) -> list[Source]:
        """Its configured gateways."""
        return load_sources(self.home)


class DbtResource(dg.ConfigurableResource):
    """The repository's dbt project, parsed once per content."""

    @property
    def project(self) -> DbtProject:
        """The project with its parsed manifest."""
        return project()


@dg.definitions
def resources() -> dg.Definitions:
    """The resources of every asset, for the home that `$TOLLBOOK_HOME` names."""
    return dg.Definitions(
        resources={"tollbook": HomeResource(root=str(Home.locate().root)), "dbt": DbtResource()}
    )
