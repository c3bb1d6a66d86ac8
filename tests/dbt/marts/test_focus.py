"""FOCUS: the worked example of the cost formulas as charges, and the rules of the specification on its rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

#: FOCUS 1.2 and 1.4, Cost and Usage: columns that must be there.
MANDATORY_COST_AND_USAGE = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit",
    "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceProviderName",
}  # fmt: skip
MANDATORY_INVOICE_DETAIL = {
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory",
    "InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain", "InvoiceDetailId",
    "InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate", "InvoiceIssueStatus", "InvoiceIssuerName",
    "PaymentCurrency", "PaymentDueDate", "PaymentTerms", "ReferenceInvoiceId",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("focus"))
    home.config.mkdir(parents=True)
    (home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
        "ten-off,ws_1,,contract,0.9,2026-01-01,,worked example\n"
    )
    mixed = {"prompt_tokens_details": {"cached_tokens": 6000, "cache_write_tokens": 1000}, "cost": 0.019845}
    land(
        home,
        "2026-11-01",
        [
            infron_line("mixed", usage=mixed),
            infron_line("mixed again", usage=mixed),
            infron_line("elsewhere", workspace_id="ws_2", status="failure", usage={"cost": 0.0375}),
            infron_line("unknown", model="nobody/knows-this"),
        ],
    )
    build(home, [])
    return home


def test_each_meter_is_priced_by_itself(home: Home) -> None:
    """Twice case B: 3,000 x $3/M = 0.009; 6,000 x 0.30 = 0.0018; 1,000 x 3.75 = 0.00375; 500 x 15 = 0.0075; x 0.9."""
    assert rows(
        home,
        "select SkuMeter, ConsumedQuantity, ListUnitPrice, ListCost, ContractedUnitPrice, ContractedCost"
        " from marts.focus_cost_and_usage where BillingAccountId = 'ws_1' and ChargeCategory = 'Usage'"
        " order by ListUnitPrice",
    ) == [
        (
            meter,
            Decimal(quantity),
            Decimal(price),
            Decimal(cost),
            Decimal(price) * Decimal("0.9"),
            Decimal(contracted),
        )
        for meter, quantity, price, cost, contracted in [
            ("Cache Read Tokens", "12000", "0.3", "0.0036", "0.00324"),
            ("Input Tokens", "6000", "3", "0.018", "0.0162"),
            ("Cache Write Tokens (5 minutes)", "2000", "3.75", "0.0075", "0.00675"),
            ("Output Tokens", "1000", "15", "0.015", "0.0135"),
        ]
    ]


def test_the_cache_saving_stands_beside_the_focus_costs(home: Home) -> None:
    """Twice case B: list 0.0375, discounted 0.03375, cache-optimized 0.019845, so cache saving 0.013905 each."""
    assert rows(
        home,
        "select sum(x_UncachedListCost), sum(x_CacheSavings), sum(EffectiveCost), sum(x_Requests)::bigint"
        " from marts.focus_cost_and_usage where BillingAccountId = 'ws_1'",
    ) == [(Decimal("0.075"), Decimal("0.02781"), Decimal("0.03969"), 2)]


def test_a_request_without_a_price_is_no_charge(home: Home) -> None:
    assert rows(
        home, "select count(*) from marts.focus_cost_and_usage where SkuId = 'nobody/knows-this'"
    ) == [(0,)]


def test_a_charge_belongs_to_one_day_of_one_utc_month(home: Home) -> None:
    assert rows(
        home,
        "select distinct BillingPeriodStart::varchar, BillingPeriodEnd::varchar, ChargePeriodStart::varchar,"
        " ChargePeriodEnd::varchar from marts.focus_cost_and_usage",
    ) == [("2026-11-01 00:00:00", "2026-12-01 00:00:00", "2026-11-01 00:00:00", "2026-11-02 00:00:00")]


@pytest.mark.parametrize(
    ("mart", "mandatory"),
    [("focus_cost_and_usage", MANDATORY_COST_AND_USAGE), ("focus_invoice_detail", MANDATORY_INVOICE_DETAIL)],
)
def test_mandatory_columns_exist_and_others_are_marked_as_extensions(
    home: Home, mart: str, mandatory: set[str]
) -> None:
    columns = {
        name
        for (name,) in rows(home, f"select column_name from duckdb_columns() where table_name = '{mart}'")
    }
    assert mandatory <= columns
    assert all(name[0].isupper() or name.startswith("x_") for name in columns)
