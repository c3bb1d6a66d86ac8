"""What is said of a delivered file that the reader itself cannot bear."""

from __future__ import annotations

import pytest

from dagster_project import conversion
from ingestion.home import Home
from ingestion.sources import load_sources


def test_a_reader_that_breaks_names_the_file_it_broke_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.landing / "infron" / "logs" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").touch()

    def convert(*_: object) -> None:
        raise RuntimeError("too much")

    monkeypatch.setattr(conversion, "convert", convert)
    [source] = load_sources(home)
    with pytest.raises(RuntimeError, match="too much") as broken:
        conversion.convert_days(home, source, "logs", ["2026-11-02"])
    assert broken.value.__notes__ == ["while reading landing/infron/logs/dt=2026-11-02/a.ndjson"]
