{#- Rulings: docs/decisions/discounts.md#discounts-3 -#}
{{ config(materialized = 'table') }}

with days as (
    select * from {{ ref('int_usage_days') }}
),

volume_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
    where min_month_list_usd is not null
),

-- A rule that starts within a month counts the whole month so far.
days_of_their_months as (
    select
        event_date,
        weight,
        '' as fingerprint
    from days
    where exists (
        select 1
        from volume_rules
        where
            date_trunc('month', days.event_date) >= date_trunc('month', volume_rules.valid_from)
            and (volume_rules.valid_to is null or date_trunc('month', days.event_date) < volume_rules.valid_to)
    )
)

select * from days_of_their_months
