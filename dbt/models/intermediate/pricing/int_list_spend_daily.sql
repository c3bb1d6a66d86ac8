{{ config(
    materialized = 'daily', upstream = ['int_volume_days', 'int_usage_days', 'int_usage_repeated_events', 'int_pricing_days']
) }}

-- depends_on: {{ ref('int_usage_days') }}
-- depends_on: {{ ref('int_pricing_days') }}
with volume_days as (
    select event_date from {{ ref('int_volume_days') }}
),

metered as (
    select * from {{ ref('int_usage_events_metered') }}
),

listed as (
    select
        metered.event_date,
        metered.workspace_id,
        case
            when metered.event_type in ('refund', 'adjustment') then metered.reported_cost_usd
            when
                metered.billing_mode != 'per_call'
                and metered.input_tokens + metered.output_tokens = 0
                and metered.status != 'success'
                then 0
            when metered.billing_mode = 'per_call' or metered.usage_source != 'missing'
                then {{ usd('metered.list_picousd', 'metered.list_fine') }}
        end as list_cost_usd
    from metered
    inner join volume_days on metered.event_date = volume_days.event_date
),

spend as (
    select
        event_date,
        workspace_id,
        cast(coalesce(sum(list_cost_usd), 0) as decimal(38, 12)) as list_cost_usd
    from listed
    group by event_date, workspace_id
)

select * from spend
