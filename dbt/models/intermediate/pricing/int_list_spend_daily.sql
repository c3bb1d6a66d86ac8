{#- Rulings: docs/decisions/discounts.md#discounts-3 -#}
{{ config(
    materialized = 'daily', upstream = ['int_volume_days', 'int_usage_days', 'int_usage_repeated_events', 'int_pricing_days']
) }}

-- depends_on: {{ ref('int_usage_days') }}
-- depends_on: {{ ref('int_pricing_days') }}
with volume_days as (
    select event_date from {{ ref('int_volume_days') }}
),

rated as (
    select * from {{ ref('int_usage_events_rated') }}
),

listed as (
    select
        rated.*,
        {{ usd('rated.list_picousd', 'rated.list_yoctousd') }} as list_usd
    from rated
    inner join volume_days on rated.event_date = volume_days.event_date
),

judged as (
    select
        event_date,
        workspace_id,
        case {{ usage_verdict('list_usd') }}
            when 'priced' then list_usd
            when 'settlement' then reported_cost_usd
        end as list_cost_usd
    from listed
),

spend as (
    select
        event_date,
        workspace_id,
        cast(coalesce(sum(list_cost_usd), 0) as decimal(38, 12)) as list_cost_usd
    from judged
    group by event_date, workspace_id
)

select * from spend
