"""What is reported of a delivered file that crashes the reader."""

from __future__ import annotations

import pytest

from dagster_project.steps import conversion
from dagster_project.workers import landing_files
from ingestion.home import Home
from ingestion.landing import LandedFile
from ingestion.load import FileResult, StillChanging, write_schemas
from ingestion.sources import load_sources


def test_a_reader_that_breaks_names_the_file_it_broke_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.landing / "infron" / "logs" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").touch()

    def convert(*_: object) -> None:
        raise RuntimeError("too much")

    monkeypatch.setattr(landing_files, "convert", convert)
    [source] = load_sources(home)
    with pytest.raises(RuntimeError, match="too much") as broken:
        conversion.convert_days(home, source, "logs", ["2026-11-02"])
    assert broken.value.__notes__ == ["while reading landing/infron/logs/dt=2026-11-02/a.ndjson"]


def test_a_file_that_keeps_changing_is_left_and_the_others_are_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.landing / "infron" / "logs" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    for name in ("a.ndjson", "b.ndjson"):
        (folder / name).touch()
    convert = landing_files.convert

    def changing(home: Home, file: LandedFile) -> FileResult:
        if file.path.name == "a.ndjson":
            raise StillChanging(f"{file.path.name} changed while it was read")
        return convert(home, file)

    monkeypatch.setattr(landing_files, "convert", changing)
    [source] = load_sources(home)
    write_schemas(home)
    found = conversion.convert_days(home, source, "logs", ["2026-11-02"])
    assert found.is_changing
    assert found.days["2026-11-02"].files == 1
    [(file, reason)] = conversion.unread_files(home, source)
    assert (file.path.name, reason) == ("a.ndjson", "a.ndjson changed while it was read")
    monkeypatch.undo()
    conversion.convert_days(home, source, "logs", ["2026-11-02"])
    assert conversion.unread_files(home, source) == []


def test_a_file_that_is_gone_when_its_turn_comes_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.landing / "infron" / "logs" / "dt=2026-11-02" / "a.ndjson"
    path.parent.mkdir(parents=True)
    path.touch()
    convert = landing_files.convert

    def late(home: Home, file: LandedFile) -> FileResult:
        path.unlink()
        return convert(home, file)

    monkeypatch.setattr(landing_files, "convert", late)
    [source] = load_sources(home)
    write_schemas(home)
    found = conversion.convert_days(home, source, "logs", ["2026-11-02"])
    assert found.unread == {
        "infron/logs/dt=2026-11-02/a.ndjson": "infron/logs/dt=2026-11-02/a.ndjson cannot be opened: "
        "No such file or directory"
    }
    assert conversion.unread_files(home, source) == []
