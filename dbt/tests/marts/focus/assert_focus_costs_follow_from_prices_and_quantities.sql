-- FOCUS: cost = unit price x pricing quantity. Requests are rounded one by one at 12 decimals, so a meter may miss the
-- product by a picodollar for each request of the charge and each of its meters; quantities come with prices or not at all.
-- noqa: disable=capitalisation.identifiers
with charges as (
    select
        *,
        cast(ConsumedQuantity as hugeint) * cast(ListUnitPrice * cast(1000000 as decimal(7, 0)) as decimal(38, 6)) as list_pico,
        (sum(x_Requests) over (partition by regexp_replace(x_ChargeRowId, ':[^:]*$', '')) + 16)
        * cast(0.000000000001 as decimal(12, 12)) as allowed
    from {{ ref('focus_cost_and_usage') }}
    where ChargeCategory = 'Usage' and cast(ChargePeriodStart as date) in {{ unpublished_days('int_focus_usage_daily') }}
)

select x_ChargeRowId
from charges
where
    (SkuPriceId is null) != (ConsumedQuantity is null)
    or (SkuPriceId is null) != (ListUnitPrice is null)
    or (SkuId is null) != (SkuMeter is null)
    or (SkuPriceId is not null and abs(ListCost - list_pico * cast(0.000000000001 as decimal(12, 12))) > allowed)
    or (ContractedCost > ListCost + allowed and ChargeClass is null and ContractedUnitPrice <= ListUnitPrice)
