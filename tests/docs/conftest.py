"""The small world of the command line's tests, for documents whose commands and queries are run."""

from __future__ import annotations

from tests.dagster_project import conftest as small_world

finished_night = small_world.finished_night
