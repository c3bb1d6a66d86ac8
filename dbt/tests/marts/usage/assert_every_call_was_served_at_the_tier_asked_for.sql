{#- Rulings: docs/decisions/pricing.md#pricing-12 -#}
{{ config(tags = ['finding']) }}

-- Lists calls served by another service tier than requested, whatever was charged. If the requested tier was charged
-- anyway, it is service_tier_not_served in recon_reported_costs.
select
    event_id,
    service_tier_requested,
    service_tier
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    and adjusts_event_id is null
    and service_tier_requested != service_tier
