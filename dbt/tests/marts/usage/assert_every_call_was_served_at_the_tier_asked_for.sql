{#- Rulings: docs/decisions/pricing.md#pricing-12 -#}
{{ config(tags = ['finding']) }}

-- Lists calls that another service tier served than was asked for, whatever was charged. What was charged for the tier
-- asked for all the same is service_tier_not_served in recon_reported_costs.
select
    event_id,
    service_tier_requested,
    service_tier
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    and adjusts_event_id is null
    and service_tier_requested != service_tier
