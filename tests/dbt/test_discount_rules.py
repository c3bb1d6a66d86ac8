"""Which discount a request gets: whom a rule is for, which of several wins, what stacks, and until when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, ingest, land, rows

HEADER = (
    "rule_id,workspace_id,group_name,api_key_id,member_id,provider,model,call_type,"
    "kind,factor,precedence,stacks,valid_from,valid_to,reason\n"
)

#: Each block of rules has a workspace of its own, so that one world holds all cases.
RULES = """\
the-workspace,ws_precedence,,,,,,,contract,0.8,5,no,2026-10-01,,x
the-key,ws_precedence,,key_1,,,,,contract,0.5,,no,2026-10-01,,x
the-workspace-2,ws_most,,,,,,,contract,0.9,,no,2026-11-01,,x
the-model,ws_most,,,,,claude-sonnet-4-5,,promo,0.8,,no,2026-10-01,,x
any-claude,ws_star,,,,,claude-*,,promo,0.9,,no,2026-10-01,,x
sonnets,ws_star,,,,,anthropic/claude-sonnet-*,,promo,0.8,,no,2026-10-01,,x
anthropic,ws_provider,,,,anthropic,,,promo,0.7,,no,2026-10-01,,x
openai,ws_provider,,,,openai,,,promo,0.6,9,no,2026-10-01,,x
chats,ws_call,,,,,,chat,promo,0.75,,no,2026-10-01,,x
images,ws_call,,,,,,image,promo,0.25,,no,2026-10-01,,x
one-member,ws_people,,,member_1,,,,membership,0.65,,no,2026-10-01,,x
one-group,ws_people,gold,,,,,,membership,0.55,,no,2026-10-01,,x
older,ws_later,,,,,,,contract,0.9,,no,2026-10-01,,x
newer,ws_later,,,,,,,contract,0.8,,no,2026-10-31,,x
twin-b,ws_twins,,,,,,,contract,0.8,,no,2026-10-01,,x
twin-a,ws_twins,,,,,,,contract,0.9,,no,2026-10-01,,x
third,ws_stack,,,,,,,contract,0.333333,,no,2026-10-01,,x
weaker,ws_stack,,,,,,,contract,0.9,-1,no,2026-10-01,,x
half,ws_stack,,,,,,,promo,0.5,,yes,2026-10-01,,x
alone,ws_alone,,,,,,,promo,0.95,,yes,2026-10-01,,x
november,ws_dated,,,,,,,promo,0.9,,no,2026-11-01,2026-11-02,x
misspelt,ws_datde,,,,,,,promo,0.9,,no,2026-10-01,,x
not-yet,ws_dated,,,,,,,promo,0.9,,no,2026-12-01,,x
"""

DISCOUNTS = """
    select request_id, discount_rule_id, discount_factor, discounted_cost_usd
    from marts.fct_usage_costs
"""


def call(name: str, workspace: str, **changes: object) -> dict[str, object]:
    return infron_line(name, workspace_id=workspace, **changes)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, BuildResult]:
    """A built home in which a call costs $0.0375 at list prices."""
    home = Home(tmp_path_factory.mktemp("rules"))
    home.config.mkdir(parents=True)
    (home.config / "discount_rules.csv").write_text(HEADER + RULES)
    land(
        home,
        "2026-11-01",
        [
            call("precedence", "ws_precedence"),
            call("most", "ws_most"),
            call("star", "ws_star"),
            call("star of another model", "ws_star", model="anthropic/claude-haiku-4-5"),
            call("provider", "ws_provider"),
            call("call type", "ws_call"),
            call("member", "ws_people", member_id="member_1", group="silver"),
            call("member and group", "ws_people", member_id="member_1", group="gold"),
            call("group", "ws_people", group="gold"),
            call("nobody", "ws_people"),
            call("nobody by a nameless key", "ws_people", api_key_id=None),
            call("later", "ws_later"),
            call("twins", "ws_twins"),
            call("stack", "ws_stack"),
            call("alone", "ws_alone", usage={"cost_details": {"discount_rate": 0.9}}),
            call("stated", "ws_none", usage={"cost_details": {"discount_rate": 0.9}}),
            call("before", "ws_dated", created_at="2026-10-31T23:59:59.999Z"),
            call("first", "ws_dated", created_at="2026-11-01T00:00:00.000Z"),
            call("last", "ws_dated", created_at="2026-11-01T23:59:59.999Z"),
            call("after", "ws_dated", created_at="2026-11-02T00:00:00.000Z"),
        ],
    )
    return home, build(home, ("+fct_usage_daily", "+dim_discount_rules", "+dim_prices", "+dim_models"))


@pytest.fixture(scope="module")
def discounted(ruled) -> dict[str, tuple[str | None, Decimal, Decimal]]:
    """(rules, factor, discounted cost) by request."""
    return {name: tuple(found) for name, *found in rows(ruled[0], DISCOUNTS)}


def found_by(ruled: tuple[Home, BuildResult], test: str) -> list[tuple[object, ...]]:
    """The message of a failed test of the build."""
    home, result = ruled
    (node,) = [node for node in result.nodes if node.name == test]
    assert node.is_finding
    return rows(home, home.root.joinpath(node.compiled_path).read_text())


@pytest.mark.parametrize(
    ("request_id", "rule", "factor"),
    [
        ("precedence", "the-workspace", "0.8"),
        ("most", "the-model", "0.8"),
        ("star", "sonnets", "0.8"),
        ("star of another model", "any-claude", "0.9"),
        ("provider", "anthropic", "0.7"),
        ("call type", "chats", "0.75"),
        ("member", "one-member", "0.65"),
        ("member and group", "one-member", "0.65"),
        ("group", "one-group", "0.55"),
        ("nobody", None, "1"),
        ("nobody by a nameless key", None, "1"),
        ("later", "newer", "0.8"),
        ("twins", "twin-a", "0.9"),
        ("alone", "alone", "0.95"),
        ("stated", None, "0.9"),
        ("before", None, "1"),
        ("first", "november", "0.9"),
        ("last", "november", "0.9"),
        ("after", None, "1"),
    ],
)
def test_a_request_gets_the_rule_that_goes_before_the_others(discounted, request_id, rule, factor):
    assert discounted[request_id][:2] == (rule, Decimal(factor))


def test_what_stacks_multiplies_onto_the_winner_and_is_rounded_once(discounted):
    """0.333333 x 0.5 = 0.1666665, at six decimals 0.166667; 0.0375 x 0.166667 = $0.0062500125."""
    assert discounted["stack"] == ("third+half", Decimal("0.166667"), Decimal("0.0062500125"))


def test_a_rule_has_its_days_of_use_and_its_savings(ruled):
    """0.0375 x (1 - 0.166667) = $0.0312499875, which stands at both rules; two calls on the one day of `november`:
    2 x 0.00375 = $0.0075.
    """
    found = rows(
        ruled[0],
        """
        select rule_id, is_current, first_used_date::varchar, days_used, rule_requests, rule_savings_usd
        from marts.dim_discount_rules
        where rule_id in ('third', 'half', 'november', 'not-yet', 'weaker') order by rule_id
        """,
    )
    assert found == [
        ("half", True, "2026-11-01", 1, 1, Decimal("0.0312499875")),
        ("not-yet", False, None, 0, 0, Decimal("0")),
        ("november", False, "2026-11-01", 1, 2, Decimal("0.0075")),
        ("third", True, "2026-11-01", 1, 1, Decimal("0.0312499875")),
        ("weaker", True, None, 0, 0, Decimal("0")),
    ]


def test_a_rule_that_never_applied_is_a_finding(ruled):
    """A name without use, and rules that always lose; not one whose time has not come."""
    never = {rule for rule, *_ in found_by(ruled, "assert_every_discount_rule_is_used")}
    assert "misspelt" in never
    assert never == {
        "misspelt",
        "weaker",
        "the-key",
        "the-workspace-2",
        "openai",
        "images",
        "older",
        "twin-b",
    }


def test_rules_that_differ_only_in_name_are_a_finding(ruled):
    found = found_by(ruled, "assert_no_two_discount_rules_tie")
    assert [(one, other) for one, _, other, _ in found] == [("twin-a", "twin-b")]


def test_prices_have_their_validity_and_the_catalogue_model(ruled):
    found = rows(
        ruled[0],
        """
        select distinct catalogue_provider, catalogue_model, input_usd_per_mtok
        from marts.dim_prices
        where is_current and price_model = 'claude-sonnet-4-5' and tier_start = 0 and variant = 'standard'
        """,
    )
    assert found == [("anthropic", "claude-sonnet-4-5", Decimal("3"))]


def test_models_have_their_first_day_and_price_model(ruled):
    found = rows(
        ruled[0],
        """
        select
            model_served, priced_model, price_match, price_valid_from is not null, first_seen_date::varchar,
            last_seen_date::varchar
        from marts.dim_models order by model_served
        """,
    )
    haiku, sonnet = "anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5"
    assert found == [
        (haiku, haiku, "exact", True, "2026-11-01", "2026-11-01"),
        (sonnet, sonnet, "exact", True, "2026-10-31", "2026-11-02"),
    ]


def test_seven_rules_on_one_request_are_refused(home: Home) -> None:
    home.config.mkdir(parents=True)
    stacking = "".join(f"r{number},,,,,,,,promo,0.999999,,yes,2026-10-01,,x\n" for number in range(7))
    (home.config / "discount_rules.csv").write_text(HEADER + stacking)
    land(home, "2026-11-01", [infron_line("one")])
    ingest(home)
    result = build_books(home, project(), ("+int_usage_discounts",))
    assert [node.name for node in result.broken] == ["assert_no_more_than_six_rules_meet"]
