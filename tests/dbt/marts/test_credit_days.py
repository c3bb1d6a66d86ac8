"""Credits of a gateway that bills by days of London: what comes, ends and is read on a day, at the day's own midnight.

Credits are cents of Infery; the books end with 1 November 2026, a day after the last delivery began.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import build, land_text, rows
from tests.dbt.marts.test_credits import call, entries, invoice

SELECT = ("+fct_credit_grants", "+recon_credit_balances", "+recon_credit_burn", "+recon_credit_grants")
SOURCES = """
sources:
  infery: {connector: infery, billing_time_zone: Europe/London}
"""
CONFIG = {
    "credit_packs": """source,pack,credits,price,currency,kind,priority,expires_after_days,valid_from,valid_to
infery,day,20,1,usd,pack,0,1,2026-01-01,
""",
    "credit_grants": """grant_id,source,workspace_id,granted_on,credits,kind,priority,expires_on,reason
short,infery,ws_spring,2026-03-29,100,promotion,0,2026-03-30,a day of 23 hours
long,infery,ws_autumn,2026-10-25,100,promotion,0,2026-10-26,a day of 25 hours
month,infery,ws_month,2026-08-01,100,promotion,0,2026-09-01,August
kept,infery,ws_month,2026-08-01,50,opening,1,,before the first file
""",
    "credit_balances": """source,workspace_id,balance_on,credits,reason
infery,ws_month,2026-08-30,147,dashboard
infery,ws_month,2026-08-31,50,dashboard
infery,ws_month,2026-09-01,43,dashboard
infery,ws_month,2026-11-01,43,dashboard
""",
}
CALLS = [
    call(1, "ws_spring", "2026-03-28T23:59:59.999Z", 1),
    call(2, "ws_spring", "2026-03-29T00:00:00.000Z", 2),
    call(3, "ws_spring", "2026-03-29T22:59:59.999Z", 3),
    call(4, "ws_spring", "2026-03-29T23:00:00.000Z", 4),
    call(5, "ws_autumn", "2026-10-24T22:59:59.999Z", 1),
    call(6, "ws_autumn", "2026-10-24T23:00:00.000Z", 2),
    call(7, "ws_autumn", "2026-10-25T23:59:59.999Z", 3),
    call(8, "ws_autumn", "2026-10-26T00:00:00.000Z", 4),
    call(9, "ws_month", "2026-08-30T22:30:00.000Z", 3),
    call(10, "ws_month", "2026-08-30T23:30:00.000Z", 5),
    call(11, "ws_month", "2026-08-31T22:59:59.999Z", 6),
    call(12, "ws_month", "2026-08-31T23:00:00.000Z", 7),
    call(13, "ws_pack", "2026-10-25T23:30:00.000Z", 5),
    call(14, "ws_pack", "2026-10-26T00:30:00.000Z", 5),
]


@pytest.fixture(scope="module")
def london(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The built home; its tests only read it."""
    home = Home(tmp_path_factory.mktemp("london") / "home")
    home.config.mkdir(parents=True)
    for name, text in CONFIG.items():
        (home.config / f"{name}.csv").write_text(text)
    (home.root / "sources.yml").write_text(SOURCES)
    bought = invoice("pack", "ws_pack", "2026-10-24T23:30:00Z", 20, pack="day")
    land_text(home, "infery/invoices/dt=2026-10-26/invoices.ndjson", [bought])
    land_text(home, "infery/requests/dt=2026-10-31/requests.ndjson", CALLS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        result = build(home, SELECT)
        assert [node.name for node in result.nodes if not node.passed] == []
        yield home


def test_a_day_of_23_hours_is_good_for_23(london: Home) -> None:
    """From 00:00 to 23:00 UTC on 29 March: 2 + 3 of 100 are used, 95 lost; the calls before and after find nothing."""
    assert entries(london, "ws_spring") == [
        ("03-28 00:00", "overage", None, -1),
        ("03-29 00:00", "grant", "short", 100),
        ("03-29 00:00", "burn", "short", -5),
        ("03-29 23:00", "expire", "short", -95),
        ("03-29 23:00", "overage", None, -4),
    ]


def test_a_day_of_25_hours_is_good_for_25(london: Home) -> None:
    """From 23:00 UTC on the 24th of October to midnight UTC of the 26th."""
    assert entries(london, "ws_autumn") == [
        ("10-24 00:00", "overage", None, -1),
        ("10-24 23:00", "grant", "long", 100),
        ("10-24 23:00", "burn", "long", -2),
        ("10-25 00:00", "burn", "long", -3),
        ("10-26 00:00", "expire", "long", -95),
        ("10-26 00:00", "overage", None, -4),
    ]


def test_a_pack_for_a_day_is_good_for_the_rest_of_the_day_it_is_bought_on(london: Home) -> None:
    """Bought at 00:30 on the 25th in London, which was the 24th in UTC; lost at London's midnight."""
    assert entries(london, "ws_pack") == [
        ("10-24 23:30", "grant", "pack", 20),
        ("10-25 00:00", "burn", "pack", -5),
        ("10-26 00:00", "expire", "pack", -15),
        ("10-26 00:00", "overage", None, -5),
    ]


def test_a_month_ends_at_its_own_midnight(london: Home) -> None:
    """3 + 5 + 6 of August's 100 are used until 23:00 UTC on the 31st, 86 lost; the 7 come off what is kept."""
    assert [entry for entry in entries(london, "ws_month") if entry[1] in ("expire", "burn")] == [
        ("08-30 00:00", "burn", "month", -3),
        ("08-30 23:00", "burn", "month", -5),
        ("08-31 00:00", "burn", "month", -6),
        ("08-31 23:00", "expire", "month", -86),
        ("08-31 23:00", "burn", "kept", -7),
    ]


def test_a_balance_is_read_at_the_end_of_the_day_where_the_gateway_bills(london: Home) -> None:
    """On the 30th 150 − 3, though 5 more went before midnight UTC; on the 31st August's credits still stand."""
    found = rows(
        london,
        """
        select balance_on::varchar, status, difference_micro / 1000000
        from marts.recon_credit_balances
        order by balance_on
        """,
    )
    assert found == [
        ("2026-08-30", "matched", 0),
        ("2026-08-31", "ledger_above", 86),
        ("2026-09-01", "matched", 0),
        ("2026-11-01", "not_in_books", None),
    ]
