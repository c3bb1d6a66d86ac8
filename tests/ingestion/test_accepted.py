"""What was read counts when it is accepted; until then what counted before is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ingestion import accepted, load
from ingestion.config import write_config
from ingestion.landing import pending
from ingestion.sources import load_sources


def read(desk) -> None:
    """Read what has landed, without accepting it."""
    load.write_schemas(desk.home)
    for file in pending(desk.home, load_sources(desk.home)):
        load.convert(desk.home, file)
    load.forget_vanished(desk.home, load_sources(desk.home))


def counting(desk, kind: str = "raw_file") -> list[Path]:
    """The Parquet files that count, each of which is there."""
    folder = desk.home.raw if kind == "raw_file" else desk.home.rejects
    found = [folder / content[kind] for content in accepted.every(desk.home) if content[kind]]
    assert all(path.exists() for path in found)
    return found


def test_a_file_delivered_anew_touches_nothing_that_counts(desk, call):
    desk.land([call(1), "bad"])
    desk.run()
    before = {path: path.read_bytes() for path in counting(desk) + counting(desk, "rejects_file")}
    desk.land([call(2), call(3)])
    read(desk)
    assert {path: path.read_bytes() for path in counting(desk) + counting(desk, "rejects_file")} == before
    assert [content["events"] for content in accepted.every(desk.home)] == [1]
    desk.run()
    assert [content["events"] for content in accepted.every(desk.home)] == [2]
    assert not any(path.exists() for path in before)


def test_a_file_that_is_gone_counts_and_stays_read_until_something_else_is_accepted(desk, call):
    path = desk.land([call(1)])
    desk.land([call(2)], name="b.ndjson")
    desk.run()
    content = path.read_bytes()
    stat = path.stat()
    path.unlink()
    read(desk)
    assert len(counting(desk)) == len(desk.records()) == 2
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert pending(desk.home, load_sources(desk.home)) == []
    path.unlink()
    desk.run()
    assert len(counting(desk)) == len(desk.records()) == 1


def test_a_source_of_which_nothing_has_landed_is_among_what_would_be_accepted(desk, call):
    desk.land([call(1)])
    desk.run()
    desk.home.landing.rename(desk.home.root / "elsewhere")
    assert accepted.as_landed(desk.home, load_sources(desk.home)) == {"infron": []}
    assert accepted.sources(desk.home) == ["infron"]
    accepted.accept(desk.home, "infron", [])
    assert accepted.sources(desk.home) == []


def test_what_counts_is_one_line_per_file_in_their_order_and_without_times(desk, call):
    desk.land([call(1)], name="b.ndjson")
    desk.land([call(2)], name="a.ndjson")
    desk.run()
    text = (desk.home.accepted / "infron.ndjson").read_text()
    names = [json.loads(line)["landing_file"].rpartition("/")[2] for line in text.splitlines()]
    assert names == ["a.ndjson", "b.ndjson"]
    assert "mtime_ns" not in text


def test_the_settings_of_a_source_that_counts_stay_when_it_is_configured_no_more(desk, call):
    desk.home.sources_file.write_text(
        "sources: {east: {connector: infron, usd_per_credit: 0.02}, west: {connector: infron}}"
    )
    desk.land([call(1)], stream="east/logs")
    desk.run()
    write_config(desk.home)
    before = desk.parquet(f"from '{desk.home.raw}/config_sources/config.parquet' where source = 'east'")
    desk.home.sources_file.write_text("sources: {north: {connector: infron}}")
    for _ in range(2):
        write_config(desk.home)
        rows = desk.parquet(f"from '{desk.home.raw}/config_sources/config.parquet' order by source")
        assert [row["source"] for row in rows] == ["east", "north"]
        assert rows[:1] == before
    accepted.accept(desk.home, "east", [])
    write_config(desk.home)
    assert [
        row["source"] for row in desk.parquet(f"from '{desk.home.raw}/config_sources/config.parquet'")
    ] == ["north"]
