-- One row per key and complete day since its first use, days without a call included as zero: otherwise the detector
-- would take busy days for normal ones. An adjustment counts on the day it adjusts, because the money was not spent on
-- the day it was found.

with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

complete_days as (
    select * from {{ ref('fct_day_completeness') }}
    where is_complete
),

numbered_days as (
    select
        source,
        event_date,
        row_number() over (partition by source order by event_date asc) as source_day_number
    from complete_days
),

key_spend as (
    select
        source,
        coalesce(workspace_id, '') as workspace_id,
        coalesce(api_key_id, '') as api_key_id,
        usage_date as event_date,
        cast(sum(requests) as bigint) as requests,
        {{ spend_of_usage() }} as spend_usd
    from usage_daily
    group by source, coalesce(workspace_id, ''), coalesce(api_key_id, ''), usage_date
),

first_uses as (
    select
        source,
        workspace_id,
        api_key_id,
        min(event_date) as first_date
    from key_spend
    group by source, workspace_id, api_key_id
),

dense_days as (
    select
        first_uses.source,
        first_uses.workspace_id,
        first_uses.api_key_id,
        numbered_days.event_date,
        numbered_days.source_day_number,
        mod(cast({{ dbt.datediff("date '1900-01-01'", 'numbered_days.event_date', 'day') }} as bigint), 7) as weekday,
        cast(coalesce(key_spend.requests, 0) as bigint) as requests,
        cast(coalesce(key_spend.spend_usd, 0) as decimal(38, 12)) as spend_usd
    from first_uses
    inner join numbered_days
        on first_uses.source = numbered_days.source and first_uses.first_date <= numbered_days.event_date
    left join key_spend
        on {{ is_same_key('first_uses', 'key_spend') }}
        and numbered_days.event_date = key_spend.event_date
),

numbered as (
    select
        dense_days.*,
        ln(greatest(cast(spend_usd as double), 0) + 1) as log_spend,
        row_number() over (
            partition by source, workspace_id, api_key_id order by event_date asc
        ) as day_number,
        row_number() over (
            partition by source, workspace_id, api_key_id, weekday order by event_date asc
        ) as weekday_number
    from dense_days
)

select * from numbered
