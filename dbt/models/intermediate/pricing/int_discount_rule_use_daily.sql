{{ config(materialized = 'daily', upstream = ['int_usage_discounts', 'fct_usage_costs']) }}

-- depends_on: {{ ref('int_usage_discounts') }}
with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
),

rule_use as (
    select
        event_date,
        discount_rule_id,
        count(*) as requests,
        cast(coalesce(sum(discount_savings_usd - service_tier_savings_usd), 0) as decimal(38, 12)) as discount_savings_usd
    from usage_costs
    where discount_rule_id is not null
    group by event_date, discount_rule_id
)

select * from rule_use
