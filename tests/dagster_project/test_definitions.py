"""What Dagster shows, for a home with nothing, with landing files only, and with a sandbox world."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from dagster_project.clock import STALE_AFTER
from dagster_project.dbt_runner.project import project
from dagster_project.definitions import defs
from dagster_project.defs.partitions import delivery_days
from dagster_project.defs.resources import HomeResource
from dagster_project.defs.schedules import every_night
from dagster_project.defs.sensors import landing_changed
from dagster_project.quality.gates import event_streams
from dagster_project.runs.planner import RANGE_END, RANGE_START
from ingestion.home import Home
from ingestion.sandbox import write_world
from ingestion.sources import load_sources

# Dagster reads pydantic models in a way pydantic has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def loaded() -> dg.Definitions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return defs()


def keys() -> set[str]:
    return {key.to_user_string() for key in loaded().resolve_asset_graph().materializable_asset_keys}


def land(home: Home, source: str, stream: str, day: str) -> None:
    folder = home.landing / source / stream / f"dt={day}"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").touch()


def test_an_empty_home_loads(home: Home) -> None:
    assert {"raw/load_records", "raw/config", "raw/prices", "marts/fct_usage_costs", "publication"} <= keys()


def test_every_dbt_model_is_an_asset(home: Home) -> None:
    models = {key.rpartition("/")[2] for key in keys()}
    assert {model["name"] for model in project().models} <= models


def test_every_dbt_test_on_an_asset_is_a_check(home: Home) -> None:
    """A test on an ephemeral model has no asset to stand under; it still runs and still fails the night."""
    assets = {model["unique_id"] for model in project().models}
    expected = {
        node["name"]
        for node in project().manifest_json["nodes"].values()
        if node["resource_type"] == "test" and node.get("attached_node") in assets
    }
    assert expected <= {key.name for key in loaded().resolve_asset_graph().asset_check_keys}


def test_every_asset_has_a_description_and_an_owner(home: Home) -> None:
    graph = loaded().resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.materializable_asset_keys]
    assert [node.key for node in nodes if not (node.description and node.owners and node.group_name)] == []


def test_every_check_has_a_description(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {connector: infron}}\nstripe: {mode: sandbox}\n")
    graph = loaded().resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert [spec.key for spec in specs if not spec.description] == []


def test_landing_folders_alone_make_raw_assets(home: Home) -> None:
    land(home, "litellm", "logs", "2026-11-01")
    assert "raw/litellm/logs" in keys()
    assert "raw/stripe_payment_intents" not in keys()


def test_a_sandbox_has_payments_and_a_gate_per_event_stream(home: Home) -> None:
    write_world(home.root, days=1, requests_per_day=5, seed=1)
    assert {"raw/infron/logs", "raw/infery/invoices", "raw/stripe_payment_intents"} <= keys()
    graph = loaded().resolve_asset_graph()
    gates = {
        key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == "day_looks_like_a_day"
    }
    events = [(source.name, stream) for source in load_sources(home) for stream in event_streams(source)]
    assert gates == {f"raw/{source}/{stream}" for source, stream in events}
    assert "raw/infron/logs" in gates
    assert "raw/infery/invoices" not in gates


def test_what_counts_is_decided_after_all_is_read_and_before_anything_is_priced(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {connector: infron}}\nstripe: {mode: sandbox}\n")
    graph = loaded().resolve_asset_graph()
    records = dg.AssetKey(["raw", "load_records"])
    read = {key.to_user_string() for key in graph.get(records).parent_keys}
    assert read == {"raw/east/logs", "raw/east/responses", "raw/stripe_payment_intents"}
    for path in (["raw", "price_models"], ["raw", "price_formulas"], ["marts", "rpt_source_status"]):
        assert records in graph.get(dg.AssetKey(path)).parent_keys | graph.get_ancestor_asset_keys(
            dg.AssetKey(path)
        )


def test_a_check_blocks_in_the_ui_if_its_failure_stops_the_publication(home: Home) -> None:
    """All dbt tests but findings, the suites of the marts, and an empty landing/; what holds back a source says so."""
    home.sources_file.write_text("sources: {east: {connector: infron}}\n")
    graph = loaded().resolve_asset_graph()
    specs = {key: graph.get_check_spec(key) for key in graph.asset_check_keys}
    tests = {
        node["name"]: "finding" not in node["tags"]
        for node in project().manifest_json["nodes"].values()
        if node["resource_type"] == "test"
    }
    expected = {
        "there_is_something_to_publish": True,
        "usage_rollup_is_sound": True,
        "reconciliation_summary_is_sound": True,
    }
    for key, spec in specs.items():
        assert spec.blocking == tests.get(key.name, expected.get(key.name, False)), key
        assert spec.blocking == (spec.metadata.get("holds_back") == "the publication"), key
    alone = {key.name for key, spec in specs.items() if spec.metadata.get("holds_back") == "the source"}
    assert alone == {"every_file_was_read", "day_looks_like_a_day", "no_source_is_held_back"}


def test_the_suites_of_the_marts_run_between_the_build_and_the_publication(home: Home) -> None:
    job = loaded().resolve_job_def("nightly")
    dependencies = job.dependencies
    inputs = {node.name: deps for node, deps in dependencies.items()}
    upstream = {
        source.node
        for definition in inputs["publication"].values()
        for source in definition.get_node_dependencies()
    }
    assert upstream == {"dbt", "suites"}
    assert {
        source.node
        for definition in inputs["suites"].values()
        for source in definition.get_node_dependencies()
    } == {"dbt"}


def test_a_renamed_source_stands_behind_the_staging_of_its_connector(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {connector: infron}, west: {connector: infron}}\n")
    graph = loaded().resolve_asset_graph()
    staging = graph.get(dg.AssetKey(["staging", "stg_infron__logs"]))
    parents = {key.to_user_string() for key in staging.parent_keys}
    assert {"raw/east/logs", "raw/west/logs"} <= parents


def test_connectors_of_one_family_stand_behind_the_staging_they_share(home: Home) -> None:
    home.sources_file.write_text("sources: {aisa: {connector: aisa}}\n")
    graph = loaded().resolve_asset_graph()
    staging = graph.get(dg.AssetKey(["staging", "stg_new_api__log_items"]))
    assert "raw/aisa/logs" in {key.to_user_string() for key in staging.parent_keys}


def test_no_asset_stands_for_a_gateway_the_home_does_not_have(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {connector: infron}}\nstripe: {mode: sandbox}\n")
    graph = loaded().resolve_asset_graph()
    assert sorted(graph.get_all_asset_keys() - graph.materializable_asset_keys) == []


def test_a_usage_api_comes_before_the_files_it_lands_are_counted(home: Home) -> None:
    home.sources_file.write_text(
        "sources: {east: {connector: infery, api: {url: https://api.example, token_env: TOKEN}}}\n"
    )
    graph = loaded().resolve_asset_graph()
    fetched = dg.AssetKey(["landing", "east", "usage_api"])
    assert fetched in graph.get(dg.AssetKey(["raw", "load_records"])).parent_keys
    assert fetched in graph.get(dg.AssetKey(["raw", "east", "usage_api"])).parent_keys
    assert fetched not in graph.get(dg.AssetKey(["raw", "east", "invoices"])).parent_keys


def test_what_is_published_is_due_every_night(home: Home) -> None:
    """A mart is not: it is materialized when its inputs changed."""
    specs = {spec.key.to_user_string(): spec for spec in loaded().resolve_all_asset_specs()}
    assert specs["publication"].freshness_policy.fail_window.to_timedelta() == STALE_AFTER
    assert specs["marts/fct_usage_costs"].freshness_policy is None


def test_the_publication_waits_for_every_mart(home: Home) -> None:
    graph = loaded().resolve_asset_graph()
    parents = {key.path[-1] for key in graph.get(dg.AssetKey(["publication"])).parent_keys}
    assert parents == {mart.name for mart in project().marts}


def test_no_step_waits_for_a_slot_that_a_dead_run_may_hold(home: Home) -> None:
    graph = loaded().resolve_asset_graph()
    assert [key for key in graph.get_all_asset_keys() if graph.get(key).pools] == []


@pytest.mark.parametrize(
    ("landed", "today", "first", "last"),
    [
        ([], date(2026, 11, 20), "2026-01-01", "2026-11-20"),
        ([date(2025, 3, 1)], date(2026, 11, 20), "2025-03-01", "2026-11-20"),
        ([date(2027, 2, 1)], date(2026, 11, 20), "2026-11-20", "2027-02-01"),
        ([date(2026, 11, 20)], date(2026, 11, 20), "2026-11-20", "2026-11-20"),
    ],
)
def test_the_partitions_cover_every_landed_day_at_any_clock(
    landed: list[date], today: date, first: str, last: str
) -> None:
    days = delivery_days(landed, today)
    with dg.partition_loading_context(
        effective_dt=datetime(today.year, today.month, today.day, 5, tzinfo=UTC)
    ):
        known = days.get_partition_keys()
    assert (known[0], known[-1]) == (first, last)


def test_the_schedule_requests_one_run_over_the_days_that_need_it(home: Home) -> None:
    land(home, "infron", "logs", "2026-11-03")
    land(home, "infery", "invoices", "2026-11-07")
    tags = requested(home)
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-03", "2026-11-07")


def test_the_schedule_requests_yesterday_when_nothing_is_pending(home: Home) -> None:
    tags = requested(home)
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-19", "2026-11-19")


def test_the_schedule_covers_the_look_back_of_a_usage_api(home: Home) -> None:
    """Windows up to three days old are requested again, and the one that ended three days ago at midnight."""
    home.sources_file.write_text(
        "sources: {east: {connector: infery, api: {url: https://api.example, token_env: TOKEN}}}\n"
    )
    assert requested(home)[RANGE_START] == "2026-10-21"
    land(home, "east", "usage_api", "2026-11-19")
    tags = requested(home)
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-16", "2026-11-20")


def test_the_sensor_requests_a_run_once_for_what_landed_and_again_when_it_changed(home: Home) -> None:
    land(home, "infron", "logs", "2026-11-03")
    first = look(home, None)
    tags = first.run_requests[0].tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-03", "2026-11-03")
    assert look(home, first.cursor).run_requests == []
    (home.landing / "infron" / "logs" / "dt=2026-11-03" / "a.ndjson").write_text("{}\n")
    again = look(home, first.cursor)
    assert len(again.run_requests) == 1
    assert again.run_requests[0].run_key != first.run_requests[0].run_key


def look(home: Home, cursor: str | None):
    context = dg.build_sensor_context(
        cursor=cursor, resources={"tollbook": HomeResource(root=str(home.root))}, definitions=loaded()
    )
    return landing_changed.evaluate_tick(context)


def requested(home: Home) -> dict[str, str]:
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 11, 20, 2, tzinfo=UTC),
        resources={"tollbook": HomeResource(root=str(home.root))},
    )
    return dict(every_night.evaluate_tick(context).run_requests[0].tags)
