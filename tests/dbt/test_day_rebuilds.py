"""A day is rebuilt exactly when what it is made of changed."""

from __future__ import annotations

import base64
import json
import re
import shutil
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.dbt_runner.project import project
from ingestion.home import HOME_VARIABLE, Home
from ingestion.prices import formula_table
from ingestion.prices.formulas import Formula, read
from tests.dbt.conftest import build, compiled_sql, infron_line, land, land_text, rows

SELECT = ("+rpt_usage_by_key_daily",)

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
BUILDS = "select event_date::varchar, fingerprint from meta.day_builds where model = '{}' order by 1"


def world(home: Home) -> None:
    for day in DAYS:
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])


def built(home: Home, model: str = "fct_usage_costs") -> dict[str, str]:
    return dict(rows(home, BUILDS.format(model)))


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The world, built; a copy is beside it, because what is built is at home in one place only."""
    home = Home(tmp_path_factory.mktemp("first") / "home")
    world(home)
    build(home, SELECT)
    shutil.copytree(home.root, home.root.with_name("copy"))
    return home


@pytest.fixture
def built_home(first_build: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The world as it was first built."""
    shutil.rmtree(first_build.root)
    shutil.copytree(first_build.root.with_name("copy"), first_build.root)
    monkeypatch.setenv(HOME_VARIABLE, str(first_build.root))
    return first_build


def test_a_second_build_rebuilds_no_day(built_home: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in built_home.lake.rglob("*.parquet")}
    result = build(built_home, SELECT)
    assert set(result.days_rebuilt.values()) == {0}
    assert {path: path.stat().st_mtime_ns for path in built_home.lake.rglob("*.parquet")} == before


def test_a_late_file_rebuilds_the_day_its_rows_belong_to(built_home: Home) -> None:
    before, rollup = built(built_home), built(built_home, "rpt_usage_by_key_daily")
    land(
        built_home, "2026-11-03", [infron_line("late", created_at="2026-11-01T23:59:59.999Z")], "late.ndjson"
    )
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-01"}
    assert changed(rollup, built(built_home, "rpt_usage_by_key_daily")) == {"2026-11-01"}
    assert rows(
        built_home, "select event_date::varchar, requests from marts.rpt_usage_by_key_daily order by 1"
    ) == [
        ("2026-11-01", 2),
        ("2026-11-02", 1),
        ("2026-11-03", 1),
    ]


def test_a_late_call_rebuilds_its_day_in_every_model_that_has_days_and_no_other(home: Home) -> None:
    """Only those that look for copies of a call look at the neighbours of a day, too, and they find nothing new there.

    A rule of each kind is there, and beside the late call a copy that contradicts one: no model is without days.
    """
    models = {
        node["name"]: node["config"]
        for node in project().models
        if node["config"]["materialized"] in ("daily", "lake")
    }
    world(home)
    home.config.mkdir()
    (home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,min_month_list_usd,valid_from,valid_to,reason\n"
        "contract,ws_1,,contract,0.9,,2026-01-01,,signed\n"
        "volume,,,volume,0.8,1000,2026-01-01,,out of reach\n"
    )
    select = [f"+{name}" for name in models]
    build(home, select)
    before = {name: built(home, name) for name in models}
    contents = "select event_date, content from meta.day_builds where event_date != '2026-11-01'"
    known = set(rows(home, contents))
    late = infron_line("late", created_at="2026-11-01T23:59:59.999Z")
    copy = infron_line("gen-2026-11-01", created_at="2026-11-01T07:00:00Z", model="anthropic/claude-opus-4-5")
    land(home, "2026-11-03", [late, copy], "late.ndjson")
    build(home, select)
    for name, config in models.items():
        days = {"2026-11-01", "2026-11-02"} if config.get("margin_days") else {"2026-11-01"}
        assert changed(before[name], built(home, name)) == days, name
    assert set(rows(home, contents)) == known


def test_a_day_is_made_of_its_own_requests_however_many_days_there_are(home: Home) -> None:
    """DuckDB's plan for one of three days scans one file of three."""
    models = {
        node["name"]
        for node in project().models
        if node["config"]["materialized"] in ("daily", "lake")
        and any(name in ("fct_usage_costs", "fct_traffic_minutely") for name in node["config"]["upstream"])
    }
    world(home)
    result = build(home, [f"+{name}" for name in models])
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        for variable in ("first_day", "last_day"):
            session.execute(f"set variable {variable} = timestamp '2026-11-02'")
        for name in models:
            one_day = f"select * from ({compiled_sql(result, name)}) where event_date in (date '2026-11-02')"
            [(_, plan)] = session.execute(f"explain (format json) {one_day}").fetchall()
            scanned = re.findall(r'"Scanning Files": "(\d+)/\d+"', plan)
            assert scanned, name
            assert set(scanned) == {"1"}, name


def new_api_call(request_id: str, formula: str) -> dict[str, Any]:
    """A call of 10,000 prompt tokens that its gateway prices by a formula."""
    other = {"billing_mode": "tiered_expr", "expr_b64": base64.b64encode(formula.encode()).decode()}
    return {
        "type": 2,
        "model_name": "claude-sonnet-4-5",
        "quota": 15_000,
        "prompt_tokens": 10_000,
        "completion_tokens": 0,
        "request_id": request_id,
        "other": json.dumps(other),
    }


def test_a_formula_read_otherwise_rebuilds_the_days_of_its_calls_and_a_unit_those_of_its_gateway(
    built_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version reads p*3 as p*4: 10,000 tokens cost $0.04 instead of $0.03; those priced by p*2 stay $0.02.

    Then a dollar is 600,000 units of the gateway instead of 500,000, which is nothing to the calls of other gateways.
    """
    for day, at, formula in (("2026-11-01", 1793520000, "p*3"), ("2026-11-03", 1793692800, "p*2")):
        call = new_api_call(day, formula) | {"created_at": at}
        land_text(built_home, f"aisa/logs/dt={day}/part.ndjson", [call])
    build(built_home, SELECT)
    before = built(built_home)

    def read_otherwise(text: str) -> Formula:
        return read(text.replace("p*3", "p*4"))

    monkeypatch.setattr(formula_table, "read", read_otherwise)
    (built_home.raw / "price_formulas/formulas.parquet").unlink()
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-01"}
    costs = "select list_cost_usd from marts.fct_usage_costs where source = 'aisa' order by event_date"
    assert rows(built_home, costs) == [(Decimal("0.04"),), (Decimal("0.02"),)]

    before = built(built_home)
    built_home.sources_file.write_text(
        "sources:\n  infron: {connector: infron}\n  aisa: {connector: aisa, quota_per_unit: 600000}\n"
    )
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-01", "2026-11-03"}


def test_a_new_day_looks_at_its_neighbour_and_leaves_it_alone(built_home: Home) -> None:
    before = built(built_home)
    land(built_home, "2026-11-04", [infron_line("gen-4", created_at="2026-11-04T07:00:00Z")])
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-04"}


def test_a_dated_price_override_rebuilds_the_days_it_covers_and_the_week_before(built_home: Home) -> None:
    """From 2 November on input costs $2/M: 10,000 x 2 + 500 x 15 = $0.0275 instead of $0.0375.

    The day before costs what it did, but a gateway that already charged the new price is recognised from now on.
    """
    before = built(built_home)
    built_home.config.mkdir()
    (built_home.config / "price_overrides.csv").write_text(
        "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
        "anthropic,claude-sonnet-4-5,input,2,,,2026-11-02,,contract\n"
    )
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-01", "2026-11-02", "2026-11-03"}
    costs = "select list_cost_usd, price_source from marts.fct_usage_costs order by event_date"
    assert rows(built_home, costs) == [
        (Decimal("0.0375"), "catalogue"),
        (Decimal("0.0275"), "override"),
        (Decimal("0.0275"), "override"),
    ]


def test_a_discount_rule_feeds_the_middle_tier_of_its_days_only(built_home: Home) -> None:
    """0.9 to pay on 2 November: 0.0375 x 0.9 = $0.03375."""
    before = built(built_home)
    built_home.config.mkdir()
    (built_home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
        "r1,ws_1,,contract,0.9,2026-11-02,2026-11-03,signed\n"
    )
    build(built_home, SELECT)
    assert changed(before, built(built_home)) == {"2026-11-02"}
    tiers = "select discounted_cost_usd, discount_rule_id from marts.fct_usage_costs order by event_date"
    assert rows(built_home, tiers) == [
        (Decimal("0.0375"), None),
        (Decimal("0.03375"), "r1"),
        (Decimal("0.0375"), None),
    ]


def test_a_file_that_vanished_takes_its_day_with_it(built_home: Home) -> None:
    (built_home.landing / "infron/logs/dt=2026-11-02/part.ndjson").unlink()
    build(built_home, SELECT)
    assert set(built(built_home)) == {"2026-11-01", "2026-11-03"}
    assert rows(built_home, "select count(*) from marts.fct_usage_daily") == [(2,)]


def test_a_deleted_build_database_comes_back_with_the_same_requests(built_home: Home) -> None:
    everything = "select * from marts.fct_usage_costs order by event_id"
    before = rows(built_home, everything)
    built_home.build_database.unlink()
    build(built_home, SELECT)
    assert rows(built_home, everything) == before


def test_a_table_whose_columns_changed_is_built_anew(built_home: Home) -> None:
    """A home of an earlier version has tables with other columns."""
    with duckdb.connect(str(built_home.build_database)) as connection:
        connection.execute("alter table marts.rpt_usage_by_key_daily drop column requests")
        connection.execute("comment on table marts.rpt_usage_by_key_daily is 'other code'")
        connection.execute("update meta.node_builds set code = 'other code'")
    result = build(built_home, SELECT)
    assert result.days_rebuilt["rpt_usage_by_key_daily"] == len(DAYS)
    assert rows(built_home, "select sum(requests) from marts.rpt_usage_by_key_daily") == [(3,)]
