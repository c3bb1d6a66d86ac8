"""A landing file is read once per content, in any packing; a run that dies leaves nothing that counts."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from datetime import date

import pytest
import zstandard

from ingestion import files, load
from ingestion.landing import pending, problems
from ingestion.reader.formats import ndjson
from ingestion.sources import load_sources


def lines(call, *numbers):
    return b"".join(json.dumps(call(n)).encode() + b"\n" for n in numbers)


def pending_names(desk):
    return [file.path.name for file in pending(desk.home, load_sources(desk.home))]


PACKED = {
    "a.ndjson": lambda content: content,
    "a.ndjson.gz": gzip.compress,
    "a.ndjson.zst": lambda content: zstandard.ZstdCompressor().compress(content),
}


@pytest.mark.parametrize("name", PACKED)
def test_every_packing_gives_the_same_rows(desk, call, name):
    desk.land(PACKED[name](lines(call, 1, 2) + b"bad\n" + lines(call, 3)), name=name)
    desk.run()
    assert [(row["request_id"], row["raw_line"]) for row in desk.rows()] == [
        ("gen-000001", 1),
        ("gen-000002", 2),
        ("gen-000003", 4),
    ]
    assert desk.reasons() == {3: "malformed_json"}


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst"])
def test_archives_in_a_row_are_one_file(desk, call, name):
    desk.land(PACKED[name](lines(call, 1)) + PACKED[name](lines(call, 2)), name=name)
    desk.run()
    assert [row["request_id"] for row in desk.rows()] == ["gen-000001", "gen-000002"]


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst"])
def test_a_truncated_archive_keeps_its_whole_lines_and_reports_where_it_broke(desk, call, name):
    noise = os.urandom(60_000).hex()
    content = lines(call, 1, 2) + json.dumps(call(3, error=noise)).encode() + b"\n" + lines(call, 4)
    packed = PACKED[name](lines(call, 1, 2)) + PACKED[name](content)
    desk.land(packed[: len(packed) * 3 // 4], name=name)
    desk.run()
    found = [row["request_id"] for row in desk.rows()]
    assert found[:2] == ["gen-000001", "gen-000002"]
    assert desk.reasons() == {len(found) + 1: "truncated_archive"}
    desk.land(PACKED[name](content), name=name)
    desk.run()
    assert (len(desk.rows()), desk.reasons()) == (4, {})


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst"])
def test_something_else_under_an_archives_name_is_one_reject(desk, call, name):
    desk.land(lines(call, 1), name=name)
    desk.run()
    assert desk.reasons() == {1: "damaged_archive"}


def test_a_name_without_a_reader_is_one_reject(desk, call):
    desk.land(lines(call, 1), name="a.xlsx")
    desk.run()
    assert desk.reasons() == {1: "unknown_file_type"}
    assert pending_names(desk) == []


def test_a_link_is_never_followed(desk, call, tmp_path):
    secret = tmp_path / "secret.ndjson"
    secret.write_bytes(lines(call, 1))
    real = desk.land(lines(call, 2))
    real.with_name("link.ndjson").symlink_to(secret)
    desk.run()
    assert [row["request_id"] for row in desk.rows()] == ["gen-000002"]
    assert desk.reasons() == {1: "not_a_regular_file"}


@pytest.mark.parametrize(
    "name",
    ["a[1].ndjson", "a*b?.ndjson", "o'brien.ndjson", "größe 2.ndjson", "{a,b}.ndjson", "%2e%2e.ndjson"],
)
def test_a_file_name_is_a_name_and_no_pattern(desk, call, name):
    desk.land(lines(call, 1), name=name)
    desk.land(lines(call, 2), name="a1.ndjson")
    desk.run()
    assert sorted(row["request_id"] for row in desk.rows()) == ["gen-000001", "gen-000002"]
    assert {row["raw_file"] for row in desk.rows()} >= {f"infron/logs/dt=2026-11-01/{name}"}


def test_two_sources_may_deliver_files_of_one_name(desk, call):
    desk.home.sources_file.write_text("sources: {eu: {connector: infron}, us: {connector: infron}}")
    desk.land(lines(call, 1), stream="eu/logs")
    desk.land(lines(call, 2), stream="us/logs")
    desk.run()
    assert [(row["source"], row["request_id"]) for row in desk.rows()] == [
        ("eu", "gen-000001"),
        ("us", "gen-000002"),
    ]


def test_what_is_out_of_place_is_named_with_what_to_do(desk, call):
    desk.home.sources_file.write_text("sources: {infron: {connector: infron}}")
    desk.land(lines(call, 1))
    landing = desk.home.landing
    for folder in (
        "strange/logs/dt=2026-11-01",
        "infron/chats/dt=2026-11-01",
        "infron/logs/2026-11-01",
        "infron/logs/dt=2026-02-30",
    ):
        (landing / folder).mkdir(parents=True)
        (landing / folder / "a.ndjson").touch()
    (landing / "infron/logs/dt=2026-11-01/sub").mkdir()
    (landing / "infron/logs/dt=2026-11-01/.upload.ndjson").touch()
    found = {problem.path: problem.what for problem in problems(desk.home, load_sources(desk.home))}
    assert found == {
        "landing/strange": "no source has this name (known: infron); name it in sources.yml or remove it",
        "landing/infron/chats": "not a stream of infron; use one of logs, responses",
        "landing/infron/logs/2026-11-01": "not a delivery day; name the folder dt=YYYY-MM-DD",
        "landing/infron/logs/dt=2026-02-30": "not a delivery day; name the folder dt=YYYY-MM-DD",
        "landing/infron/logs/dt=2026-11-01/sub": "a folder where files belong; move its files up",
    }
    assert len(desk.run()) == 1


def test_a_second_run_reads_nothing_and_changes_no_byte(desk, call):
    desk.land(lines(call, 1) + b"bad\n")
    desk.land(lines(call, 2), name="b.ndjson")
    desk.run()
    before = desk.files()
    assert desk.run() == []
    assert desk.files() == before


def test_a_touched_file_is_hashed_but_not_read_again(desk, call, monkeypatch):
    path = desk.land(lines(call, 1))
    desk.run()
    rows = desk.rows()
    os.utime(path, (0, 0))
    monkeypatch.setattr(ndjson, "read", None)
    assert pending_names(desk) == ["a.ndjson"]
    desk.run()
    assert (pending_names(desk), desk.rows()) == ([], rows)


def test_a_changed_file_is_read_again(desk, call):
    desk.land(lines(call, 1) + b"bad\n")
    desk.run()
    desk.land(lines(call, 2, 3))
    desk.run()
    assert [row["request_id"] for row in desk.rows()] == ["gen-000002", "gen-000003"]
    assert desk.rejects() == []


def test_a_new_setting_of_the_source_reads_its_files_again(desk, call):
    desk.land(lines(call, 1))
    desk.run()
    desk.home.sources_file.write_text("sources: {infron: {connector: infron, time_zone: Asia/Tokyo}}")
    assert pending_names(desk) == ["a.ndjson"]


def test_a_vanished_file_takes_its_rows_and_rejects_along(desk, call):
    path = desk.land(lines(call, 1) + b"bad\n")
    desk.land(lines(call, 2), name="b.ndjson")
    desk.run()
    path.unlink()
    desk.run()
    assert [row["request_id"] for row in desk.rows()] == ["gen-000002"]
    assert desk.rejects() == []
    assert not [name for name in desk.files() if "a.ndjson" in name]


def test_the_same_content_under_two_names_has_two_load_records_with_one_hash(desk, call):
    desk.land(lines(call, 1))
    desk.land(lines(call, 1), name="copy.ndjson", day=date(2026, 11, 2))
    desk.run()
    assert len({content["blake3"] for content in desk.records()}) == 1
    assert len(desk.rows()) == 2


def test_rows_may_belong_to_other_days_than_their_delivery(desk, call):
    times = ("2026-10-30T12:00:00Z", "2026-10-30T23:59:59.999Z", "2026-11-01T00:00:00Z")
    desk.land([call(n, created_at=time) for n, time in enumerate(times)])
    desk.run()
    assert desk.record()["event_days"] == [
        {"event_date": "2026-10-30", "events": 2},
        {"event_date": "2026-11-01", "events": 1},
    ]
    assert desk.rows()[0]["delivered_on"] == date(2026, 11, 1)


def test_the_models_of_a_file_are_counted_by_day_and_price_key(desk, call):
    models = ["openai/gpt-4o", "openai/gpt-4o", "gpt-4o", "openrouter/meta/llama-3"]
    desk.land([call(n, model=model) for n, model in enumerate(models)])
    desk.run()
    assert [(entry["provider"], entry["model"], entry["events"]) for entry in desk.record()["models"]] == [
        ("", "gpt-4o", 1),
        ("openai", "gpt-4o", 2),
        ("openrouter", "meta/llama-3", 1),
    ]


def test_a_new_field_is_reported_and_dropped_content_is_not(desk, call):
    desk.land(
        [call(1, tier="gold", messages=[{"content": "hello"}], usage={"thought": {"tokens": 3}}), "bad"]
    )
    desk.run()
    assert desk.record()["unknown_fields"] == ["tier", "usage.thought.tokens"]


def test_a_file_that_grows_under_the_reader_is_left_for_the_next_run(desk, call, monkeypatch):
    path = desk.land(lines(call, 1))
    read = ndjson.read

    def slow(*arguments):
        path.write_bytes(lines(call, 1, 2))
        return read(*arguments)

    monkeypatch.setattr(ndjson, "read", slow)
    with pytest.raises(load.StillChanging, match=r"infron/logs/dt=2026-11-01/a\.ndjson changed"):
        desk.run()
    monkeypatch.undo()
    assert desk.records() == []
    desk.run()
    assert len(desk.rows()) == 2


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("again", [False, True], ids=["first delivery", "redelivery"])
@pytest.mark.parametrize("survived", range(3))
def test_a_run_killed_before_any_rename_leaves_nothing_that_counts(desk, call, monkeypatch, survived, again):
    """Raw, rejects and load record appear in turn: die before each, run again, compare with no death.

    Until the new load record is there, the file is what it was.
    """
    content = lines(call, 1, 2) + b"bad\n"
    desk.land(content)
    desk.run()
    undisturbed = desk.files()
    shutil.rmtree(desk.home.raw)
    shutil.rmtree(desk.home.rejects)
    load.write_schemas(desk.home)
    path = desk.home.landing / "infron/logs/dt=2026-11-01/a.ndjson"
    if again:
        stat = path.stat()
        path.write_bytes(lines(call, 7))
        desk.run()
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    known = desk.records()
    renames = iter(range(survived))
    publish = files.publish

    def dying(temporary, target):
        if target.name != "schema.parquet" and next(renames, None) is None:
            raise Killed
        publish(temporary, target)

    for module in (files, load):
        monkeypatch.setattr(module, "publish", dying)
    (file,) = pending(desk.home, load_sources(desk.home))
    with pytest.raises(Killed):
        load.convert(desk.home, file)
    monkeypatch.undo()
    assert desk.records() == known
    desk.run()
    assert desk.files() == undisturbed


def test_unfinished_files_of_a_killed_process_are_removed_at_the_next_start(desk, call):
    desk.land(lines(call, 1))
    desk.run()
    before = desk.files()
    for place in (
        "raw/.tmp-abc/part-1.parquet",
        "raw/infron_logs/dt=2026-11-01/.tmp-x.parquet",
        "rejects/.tmp-y",
    ):
        (desk.home.root / place).parent.mkdir(exist_ok=True)
        (desk.home.root / place).touch()
    (desk.home.raw / "infron_logs/dt=2026-11-01/infron.unnamed.ndjson.parquet").touch()
    desk.run()
    assert desk.files() == before
    assert not list(desk.home.root.rglob(".tmp-*"))


def test_an_empty_home_has_every_table_with_its_columns(desk):
    desk.run()
    for table, columns in load.tables().items():
        path = desk.home.raw / table / "schema.parquet"
        described = desk.parquet(f"describe select * from '{path}'")
        assert [(column["column_name"], column["column_type"]) for column in described] == columns
        assert desk.parquet(f"select * from '{path}'") == []


@pytest.mark.parametrize("name", ["a[1].ndjson", "a*.ndjson", "a?.ndjson"])
def test_wildcards_in_a_name_are_letters(desk, call, name):
    desk.land([call(1), "broken"], name=name)
    desk.land([call(2)], name="a1.ndjson")
    desk.run()
    folder = "infron/logs/dt=2026-11-01"
    found = {row["request_id"]: row["raw_file"] for row in desk.rows()}
    assert found == {"gen-000001": f"{folder}/{name}", "gen-000002": f"{folder}/a1.ndjson"}
