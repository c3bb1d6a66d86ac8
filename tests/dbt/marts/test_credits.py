"""Credits through one world: grants, usage, expiry and corrections of a few wallets, and what does not reconcile.

Amounts are whole credits here and micro-credits in the marts. The books end with the last delivery, on 2 November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import FACTS, build, land_text, rows
from tests.dbt.marts.test_billing import BILLING

MICRO = 1_000_000
SELECT = (
    *FACTS,
    *BILLING,
    "+fct_credit_grants",
    "+fct_credit_balances_daily",
    "+recon_credit_grants",
    "+recon_credit_burn",
    "+recon_credit_balances",
    "+rpt_credit_margins_daily",
)
CONFIG = {
    "credit_packs": """source,pack,credits,price,currency,kind,priority,expires_after_days,valid_from,valid_to
infery,pack_1000,1000,10,usd,pack,0,,2026-01-01,
infery,gift_20,20,0,usd,promotion,0,3,2026-01-01,
""",
    "credit_grants": """grant_id,source,workspace_id,granted_on,credits,kind,priority,expires_on,reason
hello,infery,ws_promo,2026-10-03,10,promotion,-1,2026-10-10,welcome
wrong,infery,ws_promo,2026-10-20,-5,adjustment,0,,booked twice
sorry,infery,ws_promo,2026-10-21,2.5,adjustment,0,,an outage
later,infery,ws_promo,2026-12-01,99,promotion,0,,not yet
old,infery,ws_fifo,2026-10-01,10,opening,0,,balance before the first file
""",
    "credit_settings": """source,value_policy,usd_per_credit,burn_order,reason
infery,fifo,,,what the packs cost
""",
    "credit_balances": """source,workspace_id,balance_on,credits,reason
infery,ws_plan,2026-10-31,1000,dashboard
infery,ws_plan,2026-11-01,970,dashboard
infery,ws_late,2026-10-05,45,dashboard
infery,ws_nobody,2026-10-05,1,dashboard
""",
}


def invoice(number: str, workspace: str, at: str, credits: int | None, **changed: Any) -> dict[str, Any]:
    usual = {
        "invoice_id": number,
        "workspace_id": workspace,
        "kind": "topup",
        "issued_at": at,
        "currency": "usd",
        "net": "10.00",
        "vat_rate": "0.00",
        "vat": "0.00",
        "total": "10.00",
        "vat_treatment": "outside_scope",
        "credits": credits,
        "pack": "pack_1000",
        "payment_intent": f"pi_{number}",
        "status": "paid",
    }
    return usual | changed


def call(number: int, workspace: str, at: str, credits: int) -> dict[str, Any]:
    return {
        "request_id": f"req_{number:03d}",
        "timings": {"gateway_in": at, "provider_in": at, "provider_out": at, "gateway_out": at},
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "credits_used": credits,
        "model_requested": "gpt-4o",
        "model_used": "gpt-4o",
        "fallback": False,
        "member_id": None,
        "workspace_id": workspace,
        "source": "api",
    }


RENEWAL = {
    "kind": "renewal",
    "pack": "plan_scale",
    "net": "0.99",
    "total": "0.99",
    "period_start": "2026-10-01T00:00:00Z",
    "period_end": "2026-11-01T00:00:00Z",
}
INVOICES = [
    invoice("renewal", "ws_plan", "2026-10-01T00:00:00Z", 100, **RENEWAL),
    invoice("plan_pack", "ws_plan", "2026-10-05T10:00:00Z", 1000),
    invoice("late_pack", "ws_late", "2026-10-05T15:00:00Z", 50, pack="pack_unlisted"),
    invoice("promo_pack", "ws_promo", "2026-10-02T08:00:00Z", 1000),
    invoice("gift", "ws_gift", "2026-10-02T08:00:00Z", 20, pack="gift_20", net="0.00", total="0.00"),
    invoice("first", "ws_fifo", "2026-10-02T08:00:00Z", 3, net="0.01", pack="odd"),
    invoice("second", "ws_fifo", "2026-10-03T08:00:00Z", 1000, net="500", currency="jpy"),
    invoice("short", "ws_packs", "2026-10-02T08:00:00Z", 900),
    invoice("long", "ws_packs", "2026-10-02T09:00:00Z", 1100),
    invoice("nothing", "ws_packs", "2026-10-02T10:00:00Z", None),
    invoice("paid_once", "ws_packs", "2026-10-02T11:00:00Z", 1000, payment_intent="pi_shared"),
    invoice("paid_again", "ws_packs", "2026-10-02T12:00:00Z", 1000, payment_intent="pi_shared"),
    invoice("unpaid", "ws_packs", "2026-10-02T13:00:00Z", 1000, status="open"),
    invoice(
        "plan_short",
        "ws_plan",
        "2026-11-01T08:00:00Z",
        80,
        **RENEWAL | {"period_end": "2026-12-01T00:00:00Z"},
    ),
]
PLAN = {
    "workspace_id": "ws_plan",
    "plan": "scale",
    "monthly_credits": 100,
    "monthly_credits_expire": True,
    "valid_from": "2026-09-01T00:00:00Z",
}
CALLS = [
    call(1, "ws_plan", "2026-10-05T09:00:00.000Z", 30),
    call(2, "ws_plan", "2026-10-05T12:00:00.000Z", 20),
    call(3, "ws_plan", "2026-10-31T23:59:59.999Z", 10),
    call(4, "ws_plan", "2026-11-01T00:00:00.000Z", 25),
    call(5, "ws_late", "2026-10-05T10:00:00.000Z", 40),
    call(6, "ws_late", "2026-10-05T15:00:00.000Z", 10),
    call(7, "ws_promo", "2026-10-05T15:00:00.000Z", 4),
    call(8, "ws_gift", "2026-10-04T23:59:59.999Z", 5),
    call(9, "ws_gift", "2026-10-05T00:00:00.000Z", 5),
    call(10, "ws_fifo", "2026-10-04T09:00:00.000Z", 11),
    call(11, "ws_fifo", "2026-10-05T09:00:00.000Z", 1),
    call(12, "ws_fifo", "2026-10-06T09:00:00.000Z", 1),
    call(13, "ws_fifo", "2026-10-07T09:00:00.000Z", 100),
]
EXPORT = [
    "timestamp,model,api_key_id,prompt_tokens,completion_tokens,credits_used,request_id,latency_ms,fallback_depth",
    "2026-10-05T09:00:00.000Z,gpt-4o,key_plan,1000,100,30,req_001,0,0",
    "2026-10-31T23:59:59.999Z,gpt-4o,key_plan,1000,100,10,req_003,0,0",
    "2026-10-05T10:00:00.000Z,gpt-4o,key_late,1000,100,40,req_005,0,0",
]


def sums_by_key(day: str, upto: str, **credits: int) -> dict[str, Any]:
    data = [
        {"api_key_id": key, "requests": 1, "prompt_tokens": 1, "completion_tokens": 1, "credits_used": used}
        for key, used in credits.items()
    ]
    return {
        "data": data,
        "group_by": "key",
        "start": f"{day}T00:00:00Z",
        "end": f"{upto}T00:00:00Z",
        "has_more": False,
    }


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def log_item(kind: int, user: int, at: str, quota: int, **changed: Any) -> dict[str, Any]:
    usual = {"user_id": user, "created_at": second(at), "type": kind, "quota": quota, "model_name": "gpt-4o"}
    return usual | {"prompt_tokens": 1000, "completion_tokens": 100, "other": ""} | changed


def topup(number: str, user: int, at: str, usd: int) -> dict[str, Any]:
    times = {"create_time": second(at) - 60, "complete_time": second(at)}
    paid = {"amount": usd, "money": float(usd), "payment_method": "stripe", "status": "success"}
    return {"id": 1, "user_id": user, "trade_no": number} | paid | times


BY_PLAN = '{"billing_source":"subscription","wallet_quota_deducted":0}'
AISA = [
    log_item(2, 7, "2026-10-05T09:00:00", 200_000, request_id="a-1"),
    log_item(6, 7, "2026-10-06T09:00:00", 50_000, request_id="a-1"),
    log_item(2, 7, "2026-10-07T09:00:00", 70_000, request_id="a-2", other=BY_PLAN),
]
NEW_API = [
    log_item(1, 1, "2026-10-05T09:00:05", 500_000, content="topped up"),
    log_item(1, 1, "2026-10-05T09:00:09", 500_000, content="topped up"),
    log_item(1, 2, "2026-10-05T09:00:00", 2_500_000, content="redeemed"),
    log_item(1, 3, "2026-10-05T09:00:00", 900_000, content="topped up"),
    log_item(1, 5, "2026-10-05T09:00:00", 1_100_000, content="topped up"),
]
NEW_API_TOPUPS = [
    topup("t1", 1, "2026-10-05T09:00:00", 1),
    topup("t3", 3, "2026-10-05T09:00:00", 2),
    topup("t4", 4, "2026-10-05T09:00:00", 2),
    topup("t5", 5, "2026-10-05T09:00:00", 2),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The built home; its tests only read it."""
    home = Home(tmp_path_factory.mktemp("credits") / "home")
    home.config.mkdir(parents=True)
    for name, text in CONFIG.items():
        (home.config / f"{name}.csv").write_text(text)
    for path, lines in {
        "infery/invoices/dt=2026-11-02/invoices.ndjson": INVOICES,
        "infery/plans/dt=2026-09-01/plans.ndjson": [PLAN],
        "infery/requests/dt=2026-11-02/requests.ndjson": CALLS,
        "infery/usage/dt=2026-11-02/usage.csv": EXPORT,
        "infery/usage_api/dt=2026-10-06/key.json": [
            sums_by_key("2026-10-05", "2026-10-06", key_plan=51, key_late=50)
        ],
        "infery/usage_api/dt=2026-11-01/key.json": [sums_by_key("2026-10-31", "2026-11-01", key_plan=9)],
        "aisa/logs/dt=2026-10-08/logs.ndjson": AISA,
        "aisa/topups/dt=2026-10-01/topups.ndjson": [topup("a1", 7, "2026-10-01T12:00:00", 1)],
        "new_api/logs/dt=2026-10-05/logs.ndjson": NEW_API,
        "new_api/topups/dt=2026-10-05/topups.ndjson": NEW_API_TOPUPS,
    }.items():
        land_text(home, path, lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        build(home, SELECT)
        yield home


def entries(home: Home, workspace: str) -> list[tuple[Any, ...]]:
    """(moment, kind, lot, whole credits) of a wallet, in order; lots by the last word of their id."""
    return rows(
        home,
        f"""
        select strftime(entered_at, '%m-%d %H:%M'), entry_kind, split_part(grant_id, ':', -1), amount_micro / {MICRO}
        from marts.fct_credit_entries
        where workspace_id = '{workspace}'
        order by entered_at, array_position(['expire', 'grant', 'adjust', 'burn', 'overage'], entry_kind), grant_id
        """,
    )


def test_monthly_credits_burn_before_a_pack_and_are_lost_at_the_end_of_the_month(world: Home) -> None:
    """Of 100 monthly credits 30 + 20 + 10 are used, 40 are lost at midnight; the 25 at midnight come off the pack."""
    assert entries(world, "ws_plan") == [
        ("10-01 00:00", "grant", "renewal", 100),
        ("10-05 00:00", "burn", "renewal", -30),
        ("10-05 10:00", "grant", "plan_pack", 1000),
        ("10-05 10:00", "burn", "renewal", -20),
        ("10-31 00:00", "burn", "renewal", -10),
        ("11-01 00:00", "expire", "renewal", -40),
        ("11-01 00:00", "burn", "plan_pack", -25),
        ("11-01 08:00", "grant", "plan_short", 80),
    ]


def test_a_call_before_the_days_top_up_is_overage_and_one_at_its_instant_is_not(world: Home) -> None:
    assert entries(world, "ws_late") == [
        ("10-05 00:00", "overage", None, -40),
        ("10-05 15:00", "grant", "late_pack", 50),
        ("10-05 15:00", "burn", "late_pack", -10),
    ]


def test_a_promotion_goes_first_and_a_person_takes_back_or_gives(world: Home) -> None:
    """10 promised, 4 used, 6 lost on the 10th; 5 of the pack taken back, 2.5 given; December has not come."""
    assert entries(world, "ws_promo") == [
        ("10-02 08:00", "grant", "promo_pack", 1000),
        ("10-03 00:00", "grant", "hello", 10),
        ("10-05 00:00", "burn", "hello", -4),
        ("10-10 00:00", "expire", "hello", -6),
        ("10-20 00:00", "adjust", "promo_pack", -5),
        ("10-21 00:00", "adjust", "sorry", 2.5),
    ]


def test_credits_good_for_three_days_are_good_for_the_day_they_came_and_two_more(world: Home) -> None:
    """Given on the 2nd: 5 are used in the last millisecond of the 4th, the 15 left are lost at midnight."""
    assert entries(world, "ws_gift") == [
        ("10-02 08:00", "grant", "gift", 20),
        ("10-04 00:00", "burn", "gift", -5),
        ("10-05 00:00", "expire", "gift", -15),
        ("10-05 00:00", "overage", None, -5),
    ]


def test_quota_has_the_same_ledger_and_a_plan_or_a_refund_costs_the_wallet_nothing(world: Home) -> None:
    """One dollar is 500,000 units; 200,000 used, 50,000 given back; a plan's 70,000 are not the wallet's."""
    assert entries(world, "7") == [
        ("10-01 12:00", "grant", "a1", 500_000),
        ("10-05 00:00", "burn", "a1", -200_000),
        ("10-06 00:00", "adjust", "1791244800000000", 50_000),
    ]
    assert rows(
        world,
        "select value_usd::varchar from marts.fct_credit_entries where workspace_id = '7' order by entered_at",
    ) == [("1.000000000000",), ("-0.400000000000",), ("0.100000000000",)]


def test_the_parts_of_a_lot_sum_to_its_price(world: Home) -> None:
    """A cent for three credits: 0.003333333333, 0.006666666667 and 0.01 stand used after one, two and three."""
    found = rows(
        world,
        """
        select amount_micro, value_amount::varchar, value_currency, value_usd is null
        from marts.fct_credit_entries
        where grant_id in ('invoice:infery:first', 'invoice:infery:second', 'config:infery:old')
        order by grant_id, entered_at, entry_kind desc
        """,
    )
    assert found == [
        (10 * MICRO, None, None, True),
        (-10 * MICRO, None, None, True),
        (3 * MICRO, "0.010000000000", "usd", False),
        (-1 * MICRO, "-0.003333333333", "usd", False),
        (-1 * MICRO, "-0.003333333334", "usd", False),
        (-1 * MICRO, "-0.003333333333", "usd", False),
        (1000 * MICRO, "500.000000000000", "jpy", True),
        (-100 * MICRO, "-50.000000000000", "jpy", True),
    ]


def test_a_day_opens_with_what_the_day_before_closed_with(world: Home) -> None:
    """Nothing happens on the 30th; on 1 November 1040 − 40 − 25 + 80 = 1055."""
    found = rows(
        world,
        f"""
        select event_date, opening_micro / {MICRO}, granted_micro / {MICRO}, burned_micro / {MICRO},
            expired_micro / {MICRO}, closing_micro / {MICRO}
        from marts.fct_credit_balances_daily
        where workspace_id = 'ws_plan' and event_date >= '2026-10-30'
        order by event_date
        """,
    )
    assert found == [
        (date(2026, 10, 30), 1050, 0, 0, 0, 1050),
        (date(2026, 10, 31), 1050, 0, 10, 0, 1040),
        (date(2026, 11, 1), 1040, 80, 25, 40, 1055),
        (date(2026, 11, 2), 1055, 0, 0, 0, 1055),
    ]


def test_the_balance_now_is_the_one_row_of_a_wallet_that_is_current(world: Home) -> None:
    """The books end on 2 November for every wallet; ws_plan has 1055 then."""
    current = "from marts.fct_credit_balances_daily where is_current"
    assert rows(
        world, f"select closing_micro / {MICRO}, event_date {current} and workspace_id = 'ws_plan'"
    ) == [(1055, date(2026, 11, 2))]
    wallets = "select distinct source, workspace_id from marts.fct_credit_balances_daily order by all"
    assert rows(world, f"select source, workspace_id {current} order by all") == rows(world, wallets)


def test_credits_last_as_long_as_the_seven_days_before_say(world: Home) -> None:
    """10 + 25 from 26 October to 1 November: 1055 × 7 / 35 = 211 whole days, the first uncovered is the 212th."""
    [(closing, recent, run_out)] = rows(
        world,
        f"""
        select
            max(case when event_date = '2026-11-02' then closing_micro end) / {MICRO},
            sum(case when event_date < '2026-11-02' then burned_micro + overage_micro end) / {MICRO},
            max(case when event_date = '2026-11-02' then run_out_date end)
        from marts.fct_credit_balances_daily
        where workspace_id = 'ws_plan' and event_date between '2026-10-26' and '2026-11-02'
        """,
    )
    assert (closing, recent) == (1055, 35)
    assert run_out == date(2026, 11, 2) + timedelta(days=212)


def test_what_was_promised_is_held_against_what_was_delivered(world: Home) -> None:
    found = dict(
        rows(
            world,
            "select split_part(item_id, ':', -1), status from marts.recon_credit_grants where unit = 'credit'",
        )
    )
    assert found == {
        "renewal": "matched",
        "plan_pack": "matched",
        "promo_pack": "matched",
        "gift": "matched",
        "paid_once": "matched",
        "paid_again": "delivered_twice",
        "short": "under_delivered",
        "plan_short": "under_delivered",
        "long": "over_delivered",
        "nothing": "not_delivered",
        "late_pack": "not_comparable",
        "first": "not_comparable",
        "second": "matched",
    }


def test_top_ups_are_held_against_what_the_log_credits(world: Home) -> None:
    found = rows(
        world,
        """
        select source, workspace_id, status, difference_micro // 1000000
        from marts.recon_credit_grants
        where unit = 'quota'
        order by all
        """,
    )
    assert found == [
        ("aisa", "7", "not_comparable", None),
        ("new_api", "1", "delivered_twice", 500_000),
        ("new_api", "1", "matched", 0),
        ("new_api", "2", "delivered_without_invoice", 2_500_000),
        ("new_api", "3", "under_delivered", -100_000),
        ("new_api", "4", "not_delivered", -1_000_000),
        ("new_api", "5", "over_delivered", 100_000),
    ]


def test_usage_is_held_against_the_ledger_and_the_gateways_own_sums(world: Home) -> None:
    """On the 5th the API has 51 where the logs have 50; on the 31st 9 where they have 10."""
    found = {
        (workspace, str(day)): (status, difference)
        for workspace, day, status, difference in rows(
            world,
            f"select workspace_id, event_date, status, difference_micro / {MICRO} from marts.recon_credit_burn",
        )
    }
    assert found["ws_plan", "2026-10-05"] == ("missing_in_logs", 1)
    assert found["ws_late", "2026-10-05"] == ("matched", 0)
    assert found["ws_plan", "2026-10-31"] == ("missing_in_usage_api", -1)
    assert found["ws_plan", "2026-11-01"] == ("not_reported", None)


def test_the_ledger_is_held_against_balances_a_person_read(world: Home) -> None:
    """970 were read on 1 November, 1055 are in the books: a renewal of 80 came late, and 5 more are unexplained."""
    found = rows(
        world,
        f"""
        select workspace_id, balance_on, status, difference_micro / {MICRO}, overage_to_date_micro / {MICRO}
        from marts.recon_credit_balances
        order by all
        """,
    )
    assert found == [
        ("ws_late", date(2026, 10, 5), "ledger_below", -5, 40),
        ("ws_nobody", date(2026, 10, 5), "not_in_books", None, None),
        ("ws_plan", date(2026, 10, 31), "ledger_above", 40, 0),
        ("ws_plan", date(2026, 11, 1), "ledger_above", 85, 0),
    ]


def test_the_margin_is_what_credits_were_worth_less_the_price_list(world: Home) -> None:
    """25 credits of a pack of 1000 for 10 USD are worth 0.25; 1000 tokens in and 100 out of gpt-4o cost 0.0035."""
    [found] = rows(
        world,
        """
        select value_usd, usd_per_unit, list_cost_usd, margin_usd
        from marts.rpt_credit_margins_daily
        where workspace_id = 'ws_plan' and event_date = '2026-11-01'
        """,
    )
    assert found == (Decimal("0.25"), Decimal("0.01"), Decimal("0.0035"), Decimal("0.2465"))


def test_revenue_is_held_against_what_providers_bill_by_workspace(world: Home) -> None:
    """Without a cache both costs are 0.0035: 0.25 - 0.0035 = 0.2465, and 0.2465 / 0.25 = 98.6 %."""
    found = rows(
        world,
        """
        select cache_list_cost_usd, cache_margin_usd, cache_margin_share
        from marts.rpt_credit_margins_daily
        where workspace_id = 'ws_plan' and event_date = '2026-11-01'
        """,
    )
    assert found == [(Decimal("0.0035"), Decimal("0.2465"), Decimal("0.986"))]
    unknown = "unvalued_micro > 0 or unpriced_requests > 0"
    [(margins,)] = rows(
        world, f"select count(cache_margin_usd) from marts.rpt_credit_margins_daily where {unknown}"
    )
    assert margins == 0


def test_the_ledger_hears_of_every_credit_of_the_requests(world: Home) -> None:
    """Every wallet-day of the requests, a plan's quota left out, is what burned and went over, less what came back."""
    [(differences,)] = rows(
        world,
        f"""
        select count(*)
        from (
            select
                source,
                event_date,
                sum(
                    case when credits_used is null and reported_cost_usd = 0 then 0
                    else coalesce(credits_used, quota_used) end
                ) * {MICRO} as used_micro
            from marts.fct_usage_costs
            group by all
        ) as requests
        full join (
            select source, event_date, -sum(amount_micro) as used_micro
            from marts.fct_credit_entries
            where usage_date is not null
            group by all
        ) as entries using (source, event_date)
        where coalesce(requests.used_micro, 0) <> coalesce(entries.used_micro, 0)
        """,
    )
    assert differences == 0
