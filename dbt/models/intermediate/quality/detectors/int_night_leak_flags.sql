{{ config(materialized = 'ephemeral') }}

-- Days on which a key is busy in the blocks of three hours in which it hardly ever works: more of them than on any day of
-- four weeks, and more of the day's.

with settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key'
),

key_blocks as (
    select
        key_days.subject_number,
        key_days.event_date,
        key_hours.hour // 3 as block,
        sum(key_hours.requests) as requests,
        cast(sum(key_hours.cost_usd) as double) as cost_usd
    from {{ ref('int_key_hours') }} as key_hours
    inner join key_days
        on key_hours.source = key_days.source
        and key_hours.workspace_id = key_days.workspace_id
        and key_hours.api_key_id = key_days.subject_id
        and key_hours.event_date = key_days.event_date
    group by all
),

all_blocks as (
    select unnest(range(8)) as block
),

blocks as (
    select
        key_days.subject_number,
        key_days.event_date,
        key_days.day_number,
        key_days.is_sparse,
        all_blocks.block,
        coalesce(key_blocks.requests, 0) as requests,
        coalesce(key_blocks.cost_usd, 0) as cost_usd
    from key_days
    cross join all_blocks
    left join key_blocks
        on key_days.subject_number = key_blocks.subject_number
        and key_days.event_date = key_blocks.event_date
        and all_blocks.block = key_blocks.block
),

usual as (
    select
        *,
        sum(requests) over before as before_requests,
        max(requests) over before as before_most,
        avg(cost_usd) over before as usual_usd
    from blocks
    window before as (partition by subject_number, block order by event_date asc rows between 28 preceding and 1 preceding)
),

shares as (
    select
        *,
        before_requests / nullif(sum(before_requests) over (partition by subject_number, event_date), 0) as block_share,
        sum(requests) over (partition by subject_number, event_date) as day_requests
    from usual
    where day_number > 21 and not is_sparse
),

nights as (
    select
        subject_number,
        event_date,
        sum(requests) as requests,
        sum(cost_usd) as cost_usd,
        sum(before_most) as before_most,
        sum(block_share) as usual_share,
        any_value(day_requests) as day_requests,
        sum(usual_usd) as usual_usd
    from shares
    where block_share <= 0.04
    group by subject_number, event_date
),

final as (
    select
        'night_leak' as detector,
        nights.subject_number,
        nights.event_date,
        'spike' as direction,
        nights.usual_usd as expected_usd,
        nights.cost_usd as seen_usd,
        nights.requests / greatest(nights.before_most, 1) as score,
        concat(
            cast(nights.requests as bigint), ' calls in hours that usually hold ',
            cast(round(100 * nights.usual_share, 1) as decimal(9, 1)), ' % of its calls'
        ) as finding
    from nights
    cross join settings
    where
        nights.requests > 2 * nights.before_most + 8
        and nights.requests > 2.5 * nights.usual_share * nights.day_requests
        and nights.cost_usd - nights.usual_usd >= settings.spend_floor_usd
)

select * from final
