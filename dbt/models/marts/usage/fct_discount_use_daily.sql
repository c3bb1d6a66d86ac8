{#- Rulings: docs/decisions/closing.md#closing-4 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select
        *,
        coalesce(adjusts_event_date, event_date) as usage_date
    from {{ ref('fct_usage_costs') }}
    where discount_rule_id is not null
),

rule_use as (
    select
        event_date,
        usage_date,
        discount_rule_id,
        cast(sum({{ counted_requests() }}) as bigint) as requests,
        cast(coalesce(sum(discount_savings_usd - service_tier_savings_usd), 0) as decimal(38, 12)) as rule_savings_usd
    from usage_costs
    group by event_date, usage_date, discount_rule_id
)

select * from rule_use
