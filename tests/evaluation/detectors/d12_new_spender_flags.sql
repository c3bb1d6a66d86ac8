-- The first day on which a key that is new to its source spends more than the floor.
with first_week as (
    select
        *,
        row_number() over (partition by source, workspace_id, api_key_id order by event_date asc) as place
    from d03_key_days
    cross join d01_settings as settings
    where
        day_number <= 7
        and source_day_number - day_number >= 13
        and spend_usd > settings.spend_floor_usd
)

select
    'new_spender' as detector,
    source, workspace_id, api_key_id, event_date,
    'up' as direction,
    0 as expected_usd,
    spend_usd as seen_usd,
    1 as score
from first_week
where place = 1
