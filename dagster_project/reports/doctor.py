"""The problems of a home, one line each, with what to do about them.

Reads published marts, load records, rejects and files; writes nothing and takes no lock, so it can run during a nightly
run. doctor_files.py examines the files, doctor_books.py the marts, doctor_gates.py the validation results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from dagster_project.clock import today
from dagster_project.printable import counted
from dagster_project.reports import doctor_books, doctor_files, doctor_gates
from dagster_project.reports.diagnosis import Diagnosis
from ingestion.home import Home
from ingestion.locks import holder
from ingestion.sources import load_sources

TOOLS = ("tollbook", "duckdb", "dbt-core", "dbt-duckdb", "dagster", "polars", "stripe", "genai-prices")


@dataclass(frozen=True)
class Report:
    """Everything the doctor found.

    Attributes:
        home: the home's folder.
        versions: of the tools, by name.
        lock_holder: process that is writing the home; None if none is.
        data_docs: address of the Data Docs; None if nothing was judged yet.
        diagnoses: what it found, what needs a person first.
    """

    home: str
    versions: dict[str, str]
    lock_holder: int | None
    data_docs: str | None
    diagnoses: tuple[Diagnosis, ...]

    @property
    def needs_a_person(self) -> bool:
        """Whether anything needs action."""
        return any(diagnosis.needs_a_person for diagnosis in self.diagnoses)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "needs_a_person": self.needs_a_person}

    def lines(self) -> Iterator[str]:
        """Yield the report as a person reads it; a banner first if the books are stale."""
        for diagnosis in self.diagnoses:
            if diagnosis.kind == "stale":
                yield f"!! STALE: {diagnosis.what} !!"
        yield f"home      {self.home}"
        yield "versions  " + ", ".join(f"{name} {number}" for name, number in self.versions.items())
        yield "lock      " + (f"held by process {self.lock_holder}" if self.lock_holder else "free")
        if self.data_docs:
            yield f"data docs {self.data_docs}"
        for diagnosis in self.diagnoses:
            yield str(diagnosis)
        waiting = sum(diagnosis.needs_a_person for diagnosis in self.diagnoses)
        yield f"{counted(waiting, 'thing needs', 'things need')} a person" if waiting else "all well"


def examine(home: Home, now: datetime | None = None) -> Report:
    """Look at everything.

    Raises:
        SourcesError: sources.yml cannot be used.
    """
    now = now or datetime.now(UTC)
    sources = load_sources(home)
    found = [
        *doctor_books.examine(home, now),
        *doctor_files.examine(home, sources, today()),
        *doctor_gates.examine(home),
    ]
    found.sort(key=lambda diagnosis: not diagnosis.needs_a_person)
    versions = {"python": python_version(), **{tool: version(tool) for tool in TOOLS}}
    docs = home.data_docs / "index.html"
    address = docs.as_uri() if docs.exists() else None
    return Report(str(home.root), versions, holder(home.lock_file), address, tuple(found))
