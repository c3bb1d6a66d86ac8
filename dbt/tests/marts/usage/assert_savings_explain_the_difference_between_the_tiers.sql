-- Fails if list - cache-optimized is not discount savings + cache savings, or a tier is priced and another is not.
select event_id
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    and (
        list_cost_usd - cache_optimized_cost_usd != discount_savings_usd + cache_savings_usd
        or (list_cost_usd is null) != (cache_optimized_cost_usd is null)
        or (adjusts_event_id is null and (list_cost_usd is null) != (unpriced_reason is not null))
    )
