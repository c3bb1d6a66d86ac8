-- Days on which a key is busy in the blocks of the day in which it hardly ever works: more of them than on any
-- day of four weeks, and more of the day's.
with blocks as (
    select
        key_days.source, key_days.workspace_id, key_days.api_key_id, key_days.event_date, key_days.day_number,
        key_days.is_sparse,
        all_blocks.block,
        coalesce(key_blocks.requests, 0) as requests,
        coalesce(key_blocks.cost_usd, 0) as cost_usd
    from d03_key_days as key_days
    cross join (select unnest(range(8)) as block) as all_blocks
    left join key_blocks
        on key_days.source = key_blocks.source and key_days.workspace_id = key_blocks.workspace_id
        and key_days.api_key_id = key_blocks.api_key_id and key_days.event_date = key_blocks.event_date
        and all_blocks.block = key_blocks.block
),

usual as (
    select
        *,
        sum(requests) over before as before_requests,
        max(requests) over before as before_most,
        avg(cost_usd) over before as usual_usd
    from blocks
    window before as (
        partition by source, workspace_id, api_key_id, block
        order by event_date asc rows between 28 preceding and 1 preceding
    )
),

shares as (
    select
        *,
        before_requests / nullif(sum(before_requests) over (partition by source, workspace_id, api_key_id, event_date), 0)
            as block_share,
        sum(requests) over (partition by source, workspace_id, api_key_id, event_date) as day_requests
    from usual
    where day_number > 21 and not is_sparse
),

nights as (
    select
        source, workspace_id, api_key_id, event_date,
        sum(requests) as requests,
        sum(cost_usd) as cost_usd,
        sum(before_most) as before_most,
        sum(block_share) as usual_share,
        any_value(day_requests) as day_requests,
        sum(usual_usd) as usual_usd
    from shares
    where block_share <= 0.04
    group by all
)

select
    'night_leak' as detector,
    source, workspace_id, api_key_id, event_date,
    'up' as direction,
    usual_usd as expected_usd,
    cost_usd as seen_usd,
    requests / greatest(before_most, 1) as score
from nights
cross join d01_settings as settings
where
    requests > 2 * before_most + 8
    and requests > 2.5 * usual_share * day_requests
    and cost_usd - usual_usd >= settings.spend_floor_usd
