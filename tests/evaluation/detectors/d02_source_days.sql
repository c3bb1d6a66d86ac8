-- One row per source and day due: did all of it arrive? Only complete days are judged.
-- A source's day is due once the source's usual time of delivery has passed. An hour is missing where nothing was
-- called although the same hour of the last weeks never saw less than twelve calls, on a day as quiet as this one.
with lags as (
    select
        source,
        min(event_date) as first_date,
        cast(quantile_disc(date_diff('day', event_date, delivered_on), 0.5) as integer) as usual_lag_days
    from delivery_days
    group by source
),

due_days as (
    select
        lags.source,
        cast(days.day as date) as event_date
    from lags
    cross join clock
    cross join lateral unnest(
        generate_series(lags.first_date, clock.as_of - lags.usual_lag_days, interval 1 day)
    ) as days(day)
),

hours as (
    select
        due_days.source,
        due_days.event_date,
        hours_of_day.hour,
        coalesce(source_hours.requests, 0) as requests
    from due_days
    cross join (select unnest(range(24)) as hour) as hours_of_day
    left join source_hours
        on due_days.source = source_hours.source
        and due_days.event_date = source_hours.event_date
        and hours_of_day.hour = source_hours.hour
),

usual_hours as (
    select
        *,
        count(*) over same_weekdays as weeks,
        quantile_disc(requests, 0.2) over same_weekdays as low_requests,
        median(requests) over same_weekdays as usual_requests
    from hours
    window same_weekdays as (
        partition by source, hour, dayofweek(event_date)
        order by event_date asc rows between 6 preceding and 1 preceding
    )
),

day_levels as (
    select
        source,
        event_date,
        sum(requests) as requests,
        sum(usual_requests) as usual_requests,
        least(1, sum(case when requests > 0 then requests end) / nullif(sum(case when requests > 0 then usual_requests end), 0)) as quietness
    from usual_hours
    group by source, event_date
),

counted as (
    select
        usual_hours.source,
        usual_hours.event_date,
        any_value(day_levels.requests) as requests,
        any_value(day_levels.usual_requests) as usual_requests,
        count(*) filter (
            where usual_hours.requests = 0
            and usual_hours.weeks >= 3
            and usual_hours.low_requests * day_levels.quietness >= 12
        ) as missing_hours
    from usual_hours
    inner join day_levels
        on usual_hours.source = day_levels.source and usual_hours.event_date = day_levels.event_date
    group by usual_hours.source, usual_hours.event_date
),

last_seen as (
    select
        source,
        max(event_date) as last_date
    from source_hours
    group by source
)

select
    counted.*,
    case
        when counted.requests = 0 and counted.event_date > last_seen.last_date then 'silent_source'
        when counted.requests = 0 and coalesce(counted.usual_requests, 20) >= 20 then 'missing_day'
        when counted.missing_hours > 0 then 'missing_hours'
        else 'complete'
    end as verdict,
    date_diff('day', min(counted.event_date) over (partition by counted.source), counted.event_date) + 1 as source_day_number
from counted
inner join last_seen on counted.source = last_seen.source
