"""Problems shown by landing/, load records, rejects, and the notes of runs and usage APIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from dagster_project.printable import counted
from dagster_project.reports.diagnosis import Diagnosis
from dagster_project.steps.accepting import next_step, silences
from dagster_project.steps.payments import ACCOUNT
from dagster_project.steps.usage_apis import last_attempts
from ingestion import accepted, load_records, source_status
from ingestion.files import finished
from ingestion.home import Home
from ingestion.landing import landed, pending, problems
from ingestion.sources import Source


def examine(home: Home, sources: list[Source], today: date) -> Iterator[Diagnosis]:
    """Yield what is found in files."""
    yield from _landing(home, sources)
    yield from _held_back(home)
    yield from _silent(home, sources, today)
    yield from _misplaced(home, sources)
    yield from _unread(home, sources)
    yield from _usage_apis(home, sources)
    records = [content for _, content in load_records.every(home)]
    yield from _unknown_fields(records)
    yield from _changed_fields(records)
    yield from _rejects(home, records)
    yield from _unmapped_models(home)
    yield from _unsent_alerts(home)


def _unsent_alerts(home: Home) -> Iterator[Diagnosis]:
    """Yield the messages that no receiver has taken yet."""
    outbox = finished(home.alerts_outbox, "*.json")
    unsent = [path for path in outbox if not (home.alerts_sent / path.name).exists()]
    if unsent:
        yield Diagnosis(
            "unsent_alerts",
            "alerts/outbox",
            f"{counted(len(unsent), 'message')} not sent",
            "see why with `tollbook alerts check`; the next run sends them, too",
        )


def _misplaced(home: Home, sources: list[Source]) -> Iterator[Diagnosis]:
    """Yield misplaced entries of landing/; their sentence already says what to do."""
    for problem in problems(home, sources):
        what, _, do = problem.what.partition("; ")
        yield Diagnosis("misplaced", problem.path, what, do or "move or remove it")


def _unread(home: Home, sources: list[Source]) -> Iterator[Diagnosis]:
    """Yield files that the next run will read."""
    waiting = pending(home, sources)
    if waiting:
        where = "landing" if len(waiting) > 1 else waiting[0].relative(home)
        yield Diagnosis("unread", where, f"{counted(len(waiting), 'file')} to read in the next run")


def _landing(home: Home, sources: list[Source]) -> Iterator[Diagnosis]:
    """Yield what would stop the next run: an empty landing/ although sources have accepted files."""
    if accepted.sources(home) and not landed(home, sources):
        yield Diagnosis(
            "vanished",
            "landing",
            "it holds no files, but the books were built from some",
            "mount it, or deliver again",
        )


def _held_back(home: Home) -> Iterator[Diagnosis]:
    """Yield the sources that the last run held back; failures of usage APIs are reported by `_usage_apis`."""
    for status in source_status.read(home):
        if status.held_back_reason and (status.held_back_reason != "not_fetched" or status.source == ACCOUNT):
            as_of = f"in the books as of {status.as_of_date}" if status.as_of_date else "not in the books"
            yield Diagnosis(
                "held_back",
                status.source,
                f"{as_of}: {status.held_back_detail}",
                next_step(status.held_back_reason, status.source),
            )


def _silent(home: Home, sources: list[Source], today: date) -> Iterator[Diagnosis]:
    for sentence in silences(home, sources, today):
        where, _, what = sentence.partition(" ")
        yield Diagnosis(
            "silent",
            where,
            what,
            "find out why; if nothing is due, set `cadence` of the source in sources.yml",
        )


def _usage_apis(home: Home, sources: list[Source]) -> Iterator[Diagnosis]:
    tried = {attempt.source: attempt for attempt in last_attempts(home, sources)}
    for source in sources:
        if not source.api:
            continue
        attempt = tried.get(source.name)
        if attempt is None:
            yield Diagnosis("usage_api", source.name, "never fetched; the next run fetches it")
            continue
        when = attempt.attempted_at[:16].replace("T", " ")
        for line in attempt.failure.splitlines():
            yield Diagnosis(
                "usage_api",
                source.name,
                f"failed on {when} UTC: {line.removeprefix(f'{source.name}: ')}",
                "correct its settings or token, or wait for the next run",
            )
        for sentence in attempt.findings:
            what = sentence.removeprefix(f"{source.name}: ")
            yield Diagnosis("usage_api", source.name, what, "compare with the gateway's own console")


def _unknown_fields(records: Sequence[Mapping[str, Any]]) -> Iterator[Diagnosis]:
    """Yield fields no reader declares, by stream; their values are in `extra`, or only their names are known."""
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for content in records:
        for name in content["unknown_fields"]:
            stream = seen.setdefault((content["source"], content["stream"]), {})
            stream[name] = max(stream.get(name, ""), content["delivered_on"])
    for (source, stream), names in sorted(seen.items()):
        shown = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
        yield Diagnosis(
            "drift",
            f"{source}/{stream}",
            f"{counted(len(names), 'new field')} up to {max(names.values())}: {shown}",
            "declare what matters in the connector, name the rest in `dropped`",
        )


#: A load record's note on a field → its message.
_CHANGES = {
    "field_vanished": "no line has {field} any more",
    "field_retyped": "{field} is of another type in every line",
}


def _changed_fields(records: Sequence[Mapping[str, Any]]) -> Iterator[Diagnosis]:
    """Yield fields that are at fault in every line of a file: the gateway changed, and all its lines are rejects."""
    seen: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for content in records:
        for note in content["notes"]:
            if note.partition(": ")[0] in _CHANGES:
                files = seen.setdefault((content["source"], content["stream"], note), [])
                files.append((content["delivered_on"], content["landing_file"]))
    for (source, stream, note), files in sorted(seen.items()):
        change, _, field = note.partition(": ")
        last, file = max(files)
        yield Diagnosis(
            "drift",
            f"{source}/{stream}",
            f"{counted(len(files), 'file')} up to {last}: {_CHANGES[change].format(field=field)}; see landing/{file}",
            "ask what the gateway changed, and adapt the connector, or have the files delivered again",
        )


def _rejects(home: Home, records: Sequence[Mapping[str, Any]]) -> Iterator[Diagnosis]:
    """Yield rejected lines by stream and reason, with one file and line."""
    files = [str(home.rejects / content["rejects_file"]) for content in records if content["rejects_file"]]
    if not files:
        return
    with duckdb.connect() as connection:
        rows = connection.sql(
            """
            select
                source, stream, reason, count(*), max(delivered_on)::varchar,
                arg_max(raw_file, (delivered_on, -raw_line)),
                arg_max(raw_line, (delivered_on, -raw_line)),
                arg_max(detail, (delivered_on, -raw_line))
            from read_parquet($files)
            group by source, stream, reason
            order by source, stream, reason
            """,
            params={"files": files},
        ).fetchall()
    for source, stream, reason, count, last, file, line, detail in rows:
        yield Diagnosis(
            "rejects",
            f"{source}/{stream}",
            f"{counted(count, 'line')} up to {last}: {reason}: {detail}",
            f"look at landing/{file}, line {line}; have it delivered again, or adapt the connector",
        )


def _unmapped_models(home: Home) -> Iterator[Diagnosis]:
    """Yield models that are not in the price catalogue."""
    models = home.price_models
    if not models.exists():
        return
    with duckdb.connect() as connection:
        rows = connection.sql(
            """
            select provider, model, reason_unmatched
            from read_parquet($file)
            where catalogue_model is null
            order by provider, model
            """,
            params={"file": str(models)},
        ).fetchall()
    for provider, model, reason in rows:
        name = f"{provider}/{model}" if provider else model
        yield Diagnosis(
            "unmapped",
            name or "calls without a model",
            f"not in the price catalogue ({reason})",
            "add it to config/model_aliases.csv or config/price_overrides.csv",
        )
