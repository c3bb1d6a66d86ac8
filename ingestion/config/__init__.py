"""Configuration tables: the user's prices, discounts, credits, budgets, names and thresholds.

A home's `config/<name>.csv` replaces the default `shipped/<name>.csv` as a whole. Every row is validated before any
table is written, and every row keeps the file and line it came from.
"""

from __future__ import annotations

from pathlib import Path

from ingestion import accepted
from ingestion.config.reader import read
from ingestion.config.tables import TABLES
from ingestion.files import write_if_changed
from ingestion.home import Home
from ingestion.sources import load_sources, settings

__all__ = ["SHIPPED", "TABLES", "ConfigError", "write_config"]

SHIPPED = Path(__file__).parent / "shipped"


class ConfigError(ValueError):
    """A configuration file is wrong; the message has one `file:line: column: what; write …` per fault."""


def write_config(home: Home) -> None:
    """Write every configuration table and the sources' settings to raw, or none.

    Raises:
        ConfigError: a file cannot be used; all faults of all files are in the message.
        SourcesError: sources.yml cannot be used.
    """
    sources = load_sources(home)
    faults: list[str] = []
    frames = {}
    for name, table in TABLES.items():
        own = home.config / f"{name}.csv"
        path, shown = (
            (own, f"config/{name}.csv") if own.exists() else (SHIPPED / f"{name}.csv", f"shipped/{name}.csv")
        )
        frames[name] = read(path, shown, table, faults)
    if home.config.is_dir():
        for path in sorted(home.config.glob("*.csv")):
            if path.stem not in TABLES:
                faults.append(f"config/{path.name}: no such table; write one of {', '.join(sorted(TABLES))}")
    if faults:
        raise ConfigError("\n".join(faults))
    settings.write(home, sources, accepted.sources(home))
    for name, frame in frames.items():
        write_if_changed(home.config_table(name), frame.write_parquet)
