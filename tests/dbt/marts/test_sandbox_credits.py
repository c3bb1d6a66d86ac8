"""The sandbox's credit wallets, landed and built: every entry of the ledger and every status is what was planted, and a
value that the contracts name and no wallet shows fails here.

The truth is the sandbox's own ledger (ingestion/sandbox/wallets/ledger.py), which shares no code with the models.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pytest

from dagster_project.books.closing import close
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.project import Mart
from ingestion.home import HOME_VARIABLE, Home
from ingestion.sandbox import Truth, write_world
from ingestion.sandbox.judge.credits import compare, found_in
from ingestion.sandbox.wallets import midnight, wallet_plan
from ingestion.sandbox.wallets.ledger import Closing, WalletTruth
from tests.dbt.conftest import build, contract_values, rows

CREDITS = (
    "+fct_credit_grants",
    "+fct_credit_balances_daily",
    "+recon_credit_grants",
    "+recon_credit_burn",
    "+recon_credit_balances",
)
FINDING = "assert_every_call_was_served_at_the_tier_asked_for"
KEPT = [Mart("fct_usage_costs"), Mart("fct_credit_entries"), Mart("fct_credit_balances_daily")]
RECONCILIATIONS = ("recon_credit_balances", "recon_credit_burn", "recon_credit_grants")
KINDS = {
    "grant": "granted",
    "burn": "burned",
    "expire": "expired",
    "overage": "overage",
    "adjust": "adjusted",
}
SEEDS = (1, 2, 3)
DAYS = 9
"""All cases but those that need the end of a month."""
BY_INFERY = 3
"""The seed of the world whose tenants call through Infery, with credits for every call."""


@dataclass(frozen=True)
class Wallets:
    """What is true about a world's wallets, and the home its books were built in."""

    truth: dict[str, Any]
    home: Home

    def statuses(self, mart: str) -> set[str]:
        return {one["status"] for one in self.truth["statuses"] if one["mart"] == mart}


def live(home: Home, days: int, seed: int) -> Truth:
    """Simulate the wallets for so many days; return the truth. Requests that draw on none are left out."""
    if seed == BY_INFERY:
        return write_world(home.root, days, 150, seed, ("infery",))
    truth = write_world(home.root, days, 1, seed)
    shutil.rmtree(home.landing / "infron")
    return truth


def build_soundly(home: Home, truth: Truth) -> None:
    """Build the books; every invariant holds, and the one finding is of the calls that were planted for it."""
    result = build(home, CREDITS)
    assert [node.name for node in result.nodes if not node.passed] == [FINDING]
    found = rows(
        home,
        """
        select request_id
        from marts.fct_usage_costs
        where service_tier != service_tier_requested and adjusts_event_id is null
        order by request_id
        """,
    )
    planted = truth.of_kind("service_tier_not_served")
    assert [request_id for (request_id,) in found] == sorted(fault.subject for fault in planted)


@pytest.fixture(scope="module", params=SEEDS)
def wallets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wallets:
    home = Home(tmp_path_factory.mktemp("wallets") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        truth = live(home, DAYS, request.param)
        build_soundly(home, truth)
    return Wallets(truth.credits, home)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Wallets:
    """August is closed on 1 September; three days later a call of August and a second team's wallet are heard of."""
    home = Home(tmp_path_factory.mktemp("closed") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        patch.setenv("TOLLBOOK_TODAY", "2026-09-01")
        live(home, 30, SEEDS[0])
        build(home, CREDITS)
        publish(home, KEPT)
        close(home, "2026-08", date(2026, 9, 1), lambda home, month: [], force=False)
        patch.setenv("TOLLBOOK_TODAY", "2026-09-04")
        build_soundly(home, live(home, 33, SEEDS[0]))
    closing = Closing(midnight(29), known_days=30, found_on=date(2026, 9, 4))
    return Wallets(WalletTruth(wallet_plan(SEEDS[0]), 33, closing).as_json(), home)


def found(wallets: Wallets) -> dict[str, list[dict[str, Any]]]:
    """The marts' rows for the sources in the truth."""
    sources = sorted({wallet["source"] for wallet in wallets.truth["wallets"]})
    with duckdb.connect(str(wallets.home.build_database), read_only=True) as books:
        books.sql("set schema = 'marts'")
        return found_in(books, sources)


def counted(items: list[dict[str, Any]]) -> Counter[str]:
    """Rows as text, in which 5 and 5.000000 are the same."""
    return Counter(
        str(sorted((name, value if isinstance(value, str) else int(value)) for name, value in item.items()))
        for item in items
    )


@pytest.mark.parametrize("part", ["wallets", "lots", "statuses"])
def test_what_is_found_is_what_the_wallets_lived_through(wallets: Wallets, part: str) -> None:
    assert counted(found(wallets)[part]) == counted(wallets.truth[part])


def test_all_credits_used_are_burned_or_overage(wallets: Wallets) -> None:
    for wallet in wallets.truth["wallets"]:
        assert wallet["burned"] + wallet["overage"] == wallet["used"], wallet


@pytest.mark.parametrize("part", ["wallets", "statuses"])
def test_a_closed_month_is_put_right_where_the_books_are_open(closed: Wallets, part: str) -> None:
    """Calls without a name are of two wallets now: what one burned of August comes back, and is overage."""
    assert counted(found(closed)[part]) == counted(closed.truth[part])


def test_every_status_the_contracts_name_is_planted(wallets: Wallets, closed: Wallets) -> None:
    for mart in RECONCILIATIONS:
        assert wallets.statuses(mart) | closed.statuses(mart) == contract_values(mart, "status"), mart


def test_every_kind_of_entry_and_lot_the_contract_names_is_planted(wallets: Wallets, closed: Wallets) -> None:
    planted = {
        kind for kind, name in KINDS.items() if any(wallet[name] for wallet in wallets.truth["wallets"])
    }
    assert planted == contract_values("fct_credit_entries", "entry_kind")
    lots = {lot["kind"] for lot in wallets.truth["lots"]}
    assert lots == contract_values("fct_credit_entries", "grant_kind")


def test_a_wallet_that_differs_from_what_was_planted_is_reported(wallets: Wallets) -> None:
    """One credit less in the truth: the totals differ, and one wallet of all is not found."""
    [first, *others] = wallets.truth["wallets"]
    planted = wallets.truth | {"wallets": [first | {"granted": first["granted"] - 1}, *others]}
    with duckdb.connect(str(wallets.home.build_database), read_only=True) as books:
        books.sql("set schema = 'marts'")
        right = {line.what for line in compare(books, wallets.truth) if not line.agrees}
        wrong = {line.what: line for line in compare(books, planted) if not line.agrees}
    assert right == set()
    assert set(wrong) == {"credits granted", "credit wallets"}
    assert int(wrong["credit wallets"].found) == len(planted["wallets"]) - 1


def test_the_plain_order_is_checked_in_sql_on_the_wallets_it_holds_for(wallets: Wallets) -> None:
    """assert_plain_fifo_burns_the_same lays lots and draws end to end; it must have something to lay."""
    [(compared,)] = rows(
        wallets.home,
        """
        select count(*)
        from (
            select wallet_no
            from intermediate.int_credit_movements
            group by wallet_no
            having count(expires_at) = 0 and count_if(is_lot) > 1 and count_if(is_correction) = 0
        )
        """,
    )
    assert compared > 0
