{#- Rulings: docs/decisions/pricing.md#pricing-2 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
    where unpriced_reason is not null
),

unpriced as (
    select
        event_date,
        source,
        provider,
        model_requested,
        model_served,
        unpriced_reason,
        count(*) as requests,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(coalesce(sum(reported_cost_usd), 0) as decimal(38, 12)) as reported_cost_usd,
        min(request_id) as example_request_id
    from usage_costs
    group by event_date, source, provider, model_requested, model_served, unpriced_reason
)

select * from unpriced
