"""Every path of a Tollbook home.

    $TOLLBOOK_HOME/
      sources.yml  config/  reports/  what a person writes
      landing/                        files as delivered
      raw/  rejects/  lake/           Parquet
      build.duckdb                    private to the nightly run
      tollbook.duckdb                 published, safe to keep open
      exports/  dagster/              files for people; DAGSTER_HOME
      alerts/                         what was told, and what waits to be sent

Knows where things are, never what is in them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ingestion.files import TEMPORARY_PREFIX

HOME_VARIABLE = "TOLLBOOK_HOME"
DEFAULT_HOME = ".tollbook"

#: Patterns a home's path must not contain, and how some tool misreads each.
_NOT_IN_A_PATH = {
    r"\?": "DuckDB reads options of a database behind it",
    r"\\": "DuckDB reads a / in its place",
    "=": "DuckDB reads such a folder as a partition, a column of every table",
    "%[0-9A-Fa-f]{2}": "Dagster's database reads it as one sign",
}


class HomeLocked(RuntimeError):
    """Another process is writing this home."""


class HomeUnusable(ValueError):
    """No home can be at this path; the message names it and says what is in the way."""


@dataclass(frozen=True)
class Home:
    """A Tollbook home directory; `root` is absolute."""

    root: Path

    @classmethod
    def locate(cls, path: str | Path | None = None) -> Home:
        """Return the home at `path`, else at `$TOLLBOOK_HOME`, else `.tollbook/` in the working directory.

        Raises:
            HomeUnusable: a file is there, or the path contains a pattern that some tool misreads.
        """
        root = Path(path or os.environ.get(HOME_VARIABLE) or DEFAULT_HOME).expanduser().absolute()
        for pattern, meaning in _NOT_IN_A_PATH.items():
            if found := re.search(pattern, str(root)):
                raise HomeUnusable(
                    f"{root}: a home's path cannot hold {found[0]}: {meaning}; rename the folder"
                )
        if not str(root).isprintable():
            raise HomeUnusable(
                f"{str(root)!r}: a home cannot be at a path that is not printable UTF-8; rename it"
            )
        if root.exists() and not root.is_dir():
            raise HomeUnusable(f"{root}: is not a folder; give the path of a folder, or of one to create")
        return cls(root)

    def is_at(self, place: str) -> bool:
        """Return whether `place` is the home's folder, perhaps under another name."""
        try:
            return place == str(self.root) or self.root.samefile(place)
        except OSError:
            return False

    @property
    def sources_file(self) -> Path:
        """sources.yml: which gateways, which connector, where from."""
        return self.root / "sources.yml"

    @property
    def config(self) -> Path:
        """The user's own configuration tables; they take precedence over the shipped ones."""
        return self.root / "config"

    @property
    def landing(self) -> Path:
        """Files as delivered: `<source>/<stream>/dt=YYYY-MM-DD/*`."""
        return self.root / "landing"

    @property
    def raw(self) -> Path:
        """Typed Parquet: `<table>/dt=YYYY-MM-DD/*.parquet`."""
        return self.root / "raw"

    @property
    def rejects(self) -> Path:
        """Lines that could not be read, with their reason."""
        return self.root / "rejects"

    @property
    def lake(self) -> Path:
        """Priced requests, one folder a day, written by dbt."""
        return self.root / "lake"

    @property
    def build_database(self) -> Path:
        """The warehouse under construction; may be deleted at any time no run is going."""
        return self.root / "build.duckdb"

    @property
    def published_database(self) -> Path:
        """The published marts; replaced whole, never written in place."""
        return self.root / "tollbook.duckdb"

    @property
    def exports(self) -> Path:
        """Reports for people and systems."""
        return self.root / "exports"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: run storage, schedules, and dbt's target folder."""
        return self.root / "dagster"

    @property
    def reports(self) -> Path:
        """Reports that a person saved: `<file>.yml`."""
        return self.root / "reports"

    @property
    def scheduled_exports(self) -> Path:
        """exports.yml: which exports a night writes by itself."""
        return self.config / "exports.yml"

    @property
    def alert_routes(self) -> Path:
        """alerts.yml: who is told what, and when."""
        return self.config / "alerts.yml"

    @property
    def alert_urls(self) -> Path:
        """Addresses of channels with their secrets; for its owner alone."""
        return self.config / "alert_urls"

    @property
    def alerts(self) -> Path:
        """What was decided to be told, sent or not."""
        return self.root / "alerts"

    @property
    def alerts_waiting(self) -> Path:
        """News for the next digest: `<channel>/<news>.json`."""
        return self.alerts / "waiting"

    @property
    def alerts_outbox(self) -> Path:
        """Messages to send: `<message>.json`."""
        return self.alerts / "outbox"

    @property
    def alerts_sent(self) -> Path:
        """Messages that were sent, without their text: `<message>.json`."""
        return self.alerts / "sent"

    @property
    def alerts_known(self) -> Path:
        """Everything that was ever found, as it was seen last."""
        return self.alerts / "known.json"

    @property
    def alerts_lock(self) -> Path:
        """Held by the one process that decides and sends."""
        return self.alerts / "alerts.lock"

    @property
    def sandbox(self) -> Path:
        """The sandbox's own world: Stripe objects for the loopback server, and truth.json."""
        return self.root / "sandbox"

    def config_table(self, name: str) -> Path:
        """One configuration table, validated."""
        return self.raw / f"config_{name}" / "config.parquet"

    def price_catalogue(self, content: str) -> Path:
        """The price catalogue of one content."""
        return self.raw / "prices" / f"catalogue={content}" / "prices.parquet"

    @property
    def load_records(self) -> Path:
        """Load records: `<source>/<stream>/dt=YYYY-MM-DD/<landing file>.json`."""
        return self.raw / "load_records"

    @property
    def no_load_records(self) -> Path:
        """An empty file read together with them, so that a home without any gives no rows."""
        return self.raw / "no_load_records.ndjson"

    @property
    def accepted(self) -> Path:
        """The accepted load records: `<source>.ndjson`."""
        return self.raw / "accepted"

    @property
    def source_status(self) -> Path:
        """Up to which day each source is accepted."""
        return self.raw / "source_status"

    @property
    def stripe_state(self) -> Path:
        """How far each kind of Stripe object has been read."""
        return self.raw / "stripe_state.json"

    @property
    def price_formulas(self) -> Path:
        """Price formulas found on rows."""
        return self.raw / "price_formulas" / "formulas.parquet"

    @property
    def price_models(self) -> Path:
        """What each model is called in the price catalogue."""
        return self.raw / "price_models" / "models.parquet"

    @property
    def no_requests(self) -> Path:
        """A file without rows, read where there are no files of requests; no folder of a day, so nobody's day."""
        return self.lake / "fct_usage_costs" / ".none.parquet"

    @property
    def closings(self) -> Path:
        """Closed months: `<month>.json`, `<month>.credits.parquet`."""
        return self.lake / "closings"

    @property
    def restatements(self) -> Path:
        """Restated days: `<id>.json`."""
        return self.lake / "restatements"

    @property
    def restated_requests(self) -> Path:
        """What restatements changed, request by request: `event_date=<day>/<id>_<number>.parquet`."""
        return self.lake / "rpt_restated_requests"

    @property
    def status_history(self) -> Path:
        """The status of every reconciliation item, by day: `YYYY-MM-DD.ndjson`."""
        return self.lake / "recon_statuses"

    @property
    def dq_results(self) -> Path:
        """Validation results: `<suite>/<source>.<stream>.parquet`, or one file for a whole mart."""
        return self.lake / "dq_results"

    @property
    def no_dq_results(self) -> Path:
        """A file without results, read together with them, so that a home in which nothing was judged has none."""
        return self.dq_results / "none.parquet"

    @property
    def data_docs(self) -> Path:
        """Validation results as pages for a browser; `index.html` first."""
        return self.exports / "data_docs"

    @property
    def tasks(self) -> Path:
        """What tasks on workers read and have made, until it is in its place."""
        return self.lake / f"{TEMPORARY_PREFIX}tasks"

    @property
    def closed_files_note(self) -> Path:
        """Sizes and times of closed files when they were hashed last."""
        return self.dagster / "closed_files.json"

    @property
    def confirmation(self) -> Path:
        """When a night last confirmed the publication."""
        return self.dagster / "publication.json"

    @property
    def dbt_work(self) -> Path:
        """Dbt's target and logs."""
        return self.dagster / "dbt"

    @property
    def gates(self) -> Path:
        """What each gate has passed, and what it found last."""
        return self.dagster / "gates"

    @property
    def unread(self) -> Path:
        """Landing files that could not be read, by stream."""
        return self.dagster / "unread"

    @property
    def usage_api_notes(self) -> Path:
        """The last fetch of every usage API."""
        return self.dagster / "usage_apis"

    @property
    def payments_note(self) -> Path:
        """How the last sync of Stripe went."""
        return self.dagster / "stripe.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one process that writes the home."""
        return self.root / "run.lock"
