"""What the sandbox plants at the edges stands in its files."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ingestion.sandbox import write_world
from ingestion.sandbox.gateways.edge_sources import (
    DAMAGED,
    LITELLM,
    NEW_API,
    SILENT,
    SOURCES,
    UNKNOWN_FIELD,
    VANISHING,
    remove_landing,
)

DAYS = 3


def lines(home: Path, source: str, day: str) -> list[str]:
    return (home / "landing" / source / "logs" / f"dt={day}" / "calls.ndjson").read_text().splitlines()


def test_every_source_of_its_own_lands_with_its_fault(tmp_path: Path):
    truth = write_world(tmp_path, DAYS, 20, 1)
    payloads = {record["id"]: record for record in map(json.loads, lines(tmp_path, LITELLM, "2026-08-04"))}
    [contradictory] = [
        fault.subject for fault in truth.of_kind("contradictory_usage") if fault.day == "2026-08-04"
    ]
    assert payloads[contradictory]["total_tokens"] == 9_999
    [not_served] = [
        fault.subject for fault in truth.of_kind("service_tier_not_served") if fault.day == "2026-08-04"
    ]
    assert payloads[not_served]["response"]["service_tier"] == "default"
    [surcharge] = [fault.subject for fault in truth.of_kind("unknown_surcharge") if fault.day == "2026-08-05"]
    items = {item["request_id"]: item for item in map(json.loads, lines(tmp_path, NEW_API, "2026-08-05"))}
    assert UNKNOWN_FIELD in items[surcharge]["other"]
    assert [fault.subject for fault in truth.of_kind("held_back_failed_gate")] == [DAMAGED]
    assert [fault.subject for fault in truth.of_kind("silent_source")] == [SILENT]
    assert len(list((tmp_path / "landing" / SILENT / "logs").iterdir())) == 2
    assert len(list((tmp_path / "landing" / DAMAGED / "logs").iterdir())) == DAYS


def test_only_the_silent_source_is_expected_to_deliver(tmp_path: Path):
    write_world(tmp_path, DAYS, 20, 1)
    cadences = {
        name: settings["cadence"]
        for name, settings in yaml.safe_load((tmp_path / "sources.yml").read_text())["sources"].items()
    }
    assert cadences.pop(SILENT) == "daily"
    assert set(cadences.values()) == {"none"}
    assert set(SOURCES) - {SILENT} <= set(cadences)


def test_one_delivery_is_taken_away(tmp_path: Path):
    write_world(tmp_path, DAYS, 20, 1)
    [gone] = remove_landing(tmp_path)
    assert (gone.parent.name, gone.exists()) == ("dt=2026-08-03", False)
    assert len(lines(tmp_path, VANISHING, "2026-08-04")) == 4
