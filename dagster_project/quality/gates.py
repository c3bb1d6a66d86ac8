"""The gate of raw data: is a delivered day plausible?

    load records ► content known? ─yes► its kept results
                                  └no─► profile ► compare ► validate ► results ► passed? ► ledger

It judges content that has not passed before, identified by fingerprint; fingerprints that passed are kept in
$TOLLBOOK_HOME/dagster/gates/, with the profiles that later days are compared with. A day that failed stays open until
its files change. When an earlier day changes, the days that are compared with it are judged again. accepting.py decides
what happens to a source that fails.

Rulings: docs/decisions/quality.md#quality-2, docs/decisions/quality.md#quality-5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from dagster_project.quality import comparisons, profiles, results
from dagster_project.quality.profiles import Day
from dagster_project.quality.results import Result, Verdict
from dagster_project.quality.suites.raw_day import RAW_DAY
from dagster_project.quality.validation import validate
from ingestion import load_records
from ingestion.files import whole
from ingestion.home import Home
from ingestion.sources import Source

Days = Mapping[str, Sequence[Mapping]]


def judge_raw(home: Home, source: Source, stream: str) -> Verdict:
    """Judge the delivery days of a stream of calls whose content has not been judged yet."""
    name = f"{source.name}.{stream}"
    landed = _days(home, source, stream)
    ledger = _ledger(home, name)
    opened = [day for day in landed if ledger.get(day) != _fingerprint(landed[day])]
    kept: dict[str, list[Result]] = {}
    is_lost = _ledger_file(home, f"{name}.profiles").exists() and not results.are_kept(home, RAW_DAY, name)
    if not opened and not is_lost:
        return Verdict(0)
    for result in results.read(home, RAW_DAY, name):
        kept.setdefault(result.day, []).append(result)
    measured = _measured(home, source, stream, landed, opened)
    contents = {
        day: _content(source, landed[day], comparisons.compared_with(day, measured)) for day in measured
    }
    asked = [
        day for day in sorted(measured) if not _is_judged(kept.get(day, ()), contents[day], day in opened)
    ]
    judged = _judged(home, source, stream, landed, measured, contents, asked)
    found = {day: judged.get(day) or kept[day] for day in landed if day in judged or day in kept}
    results.keep(home, RAW_DAY, name, [result for day in found for result in found[day]])
    passed = {day for day in opened if not any(_holds_back(result) for result in found[day])}
    _note(
        home,
        name,
        {
            day: _fingerprint(files)
            for day, files in landed.items()
            if day in passed or ledger.get(day) == _fingerprint(files)
        },
    )
    failed = [result for day in opened for result in found[day] if _holds_back(result)]
    warned = [
        result for day in asked for result in found[day] if not result.passed and not result.is_blocking
    ]
    return Verdict(len(asked), [*failed, *warned])


def open_days(home: Home, sources: Sequence[Source]) -> set[date]:
    """Return the delivery days of all event streams that have not passed their gate."""
    return {
        date.fromisoformat(day)
        for source in sources
        for stream in event_streams(source)
        for day in _open_days(home, source, stream)
    }


def objections(home: Home, source: Source) -> tuple[list[str], date | None]:
    """Return the failures of a source's gates as sentences, and the first day concerned."""
    sentences, days = [], []
    for stream in event_streams(source):
        found = _open_days(home, source, stream)
        if found:
            kept = results.read(home, RAW_DAY, f"{source.name}.{stream}")
            failed = [result for result in kept if result.day in found and _holds_back(result)]
            said = results.sentences(failed) or ["not judged yet"]
            sentences.append(f"{stream}: {'; '.join(said)}")
            days += found
    return sentences, min(map(date.fromisoformat, days), default=None)


def has_passed(home: Home, source: Source, stream: str, files: Sequence[Mapping]) -> bool:
    """Return whether a gate has passed the files of a delivery day, or does not apply to the stream."""
    if stream not in event_streams(source):
        return True
    return _ledger(home, f"{source.name}.{stream}").get(files[0]["delivered_on"]) == _fingerprint(files)


def _open_days(home: Home, source: Source, stream: str) -> list[str]:
    ledger = _ledger(home, f"{source.name}.{stream}")
    days = _days(home, source, stream)
    return [day for day, files in days.items() if ledger.get(day) != _fingerprint(files)]


def event_streams(source: Source) -> list[str]:
    """Return the names of a source's streams whose rows are usage events, each once."""
    names = [stream.name for stream in source.reader.streams if stream.occurred_at]
    return [name for name in dict.fromkeys(names) if name in source.streams]


def _judged(
    home: Home,
    source: Source,
    stream: str,
    landed: Days,
    measured: Mapping[str, Day],
    contents: Mapping[str, str],
    asked: Sequence[str],
) -> dict[str, list[Result]]:
    """Validate some days, all in one go, and return their results by day."""
    compared = [comparisons.compare(day, measured, profiles.models_of(landed[day])) for day in asked]
    judged: dict[str, list[Result]] = {}
    settings = vars(source)
    for validation in validate(RAW_DAY, [one.columns for one in compared], settings):
        day, expectation = asked[validation.row], validation.expectation
        rows: Sequence[Mapping] = ()
        if not validation.passed:
            rows = compared[validation.row].shown.get(expectation.column) or profiles.failing_rows(
                home, source, stream, expectation.column, landed[day]
            )
        judged.setdefault(day, []).append(
            Result(
                suite=RAW_DAY.name,
                suite_version=RAW_DAY.version,
                expectation=expectation.name,
                source=source.name,
                stream=stream,
                day=day,
                observed=validation.observed,
                expected=f"{expectation.column} {expectation.demand(settings)}",
                passed=validation.passed,
                is_blocking=expectation.is_blocking,
                failing_rows=results.as_json(rows),
                content=contents[day],
            )
        )
    return judged


def _measured(home: Home, source: Source, stream: str, landed: Days, opened: Sequence[str]) -> dict[str, Day]:
    """Return the profiles of landed days: kept ones, and those of open days, which are measured if they changed."""
    name = f"{source.name}.{stream}.profiles"
    before = _ledger(home, name)
    made_of = {day: _digest(_fingerprint(landed[day]), source.reject_minimum_lines) for day in landed}
    changed = [day for day in opened if before.get(day, {}).get("content") != made_of[day]]
    now = profiles.measure(home, source, stream, {day: landed[day] for day in changed}) if changed else {}
    entries = {day: before[day] for day in landed if day in before and day not in now}
    entries |= {day: {"content": made_of[day], "profile": found.as_json()} for day, found in now.items()}
    if entries != before:
        _note(home, name, entries)
    return {day: Day(**entry["profile"]) for day, entry in entries.items()}


def _content(source: Source, files: Sequence[Mapping], before: Sequence[tuple[str, Day]]) -> str:
    """Identify what a day's results are made of: its files and the days before it; then the limits and the suite."""
    limits = (source.reject_threshold, source.reject_minimum_lines, RAW_DAY.version)
    compared = json.dumps([(day, found.as_json()) for day, found in before], sort_keys=True)
    return f"{_digest(_fingerprint(files), compared)}-{_digest(limits)}"


def _is_judged(kept: Sequence[Result], content: str, is_open: bool) -> bool:
    """Return whether results are of this content; new limits and suites do not judge a day again that has passed."""
    if not kept:
        return False
    before = kept[0].content
    return before == content if is_open else before.partition("-")[0] == content.partition("-")[0]


def _digest(*made_of: object) -> str:
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]


def _holds_back(result: Result) -> bool:
    return result.is_blocking and not result.passed


def _days(home: Home, source: Source, stream: str) -> dict[str, list[Mapping]]:
    """Return the load records of a stream's files that are in landing/, by delivery day."""
    days: dict[str, list[Mapping]] = {}
    for path in sorted((home.load_records / source.name / stream).glob("dt=*/*.json")):
        found = load_records.read(path)
        if found is not None and (home.landing / found["landing_file"]).exists():
            days.setdefault(found["delivered_on"], []).append(found)
    return days


def _fingerprint(files: Sequence[Mapping]) -> str:
    return " ".join(f"{file.get('blake3')}:{file['reader_version']}" for file in files)


def _ledger_file(home: Home, gate: str) -> Path:
    return home.gates / f"{gate}.json"


def _ledger(home: Home, gate: str) -> dict[str, Any]:
    try:
        return json.loads(_ledger_file(home, gate).read_bytes())
    except FileNotFoundError:
        return {}


def _note(home: Home, gate: str, content: Mapping[str, Any]) -> None:
    with whole(_ledger_file(home, gate)) as temporary:
        temporary.write_text(json.dumps(content, indent=0, sort_keys=True))
