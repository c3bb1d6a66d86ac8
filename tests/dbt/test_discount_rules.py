"""Which discount a request gets: whom a rule is for, which of several wins, what stacks, and until when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

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
"""

DISCOUNTS = """
    select request_id, discount_rule_id, discount_factor, discounted_cost_usd
    from marts.fct_usage_costs
"""


def call(name: str, workspace: str, **changes: object) -> dict[str, object]:
    return infron_line(name, workspace_id=workspace, **changes)


@pytest.fixture(scope="module")
def discounted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str | None, Decimal, Decimal]]:
    """(rules, factor, discounted cost) by request; a call costs $0.0375 at list prices."""
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
    build(home)
    return {name: tuple(found) for name, *found in rows(home, DISCOUNTS)}


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
