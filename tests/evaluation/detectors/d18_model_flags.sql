-- What concerns a model of a source, whoever calls it: errors in an hour, prices, usage without a price.
with worst_hours as (
    select
        source,
        model_served,
        event_date,
        sum(requests) as requests,
        sum(failures) as failures,
        max(failures) as worst_failures,
        arg_max(requests, failures) as worst_requests
    from model_hours
    group by all
),

usual as (
    select
        *,
        count(*) over before as days,
        greatest(0.01, quantile_cont(failures / requests, 0.75) over before) as usual_rate
    from worst_hours
    window before as (
        partition by source, model_served order by event_date asc rows between 28 preceding and 1 preceding
    )
),

storms as (
    select
        *,
        (worst_failures - worst_requests * usual_rate) / sqrt(worst_requests * usual_rate * (1 - usual_rate) + 1) as score
    from usual
    where days >= 10
),

-- How many keys of the source have a storm of their own that day: one key's storm is not the model's.
key_storms as (
    select
        source,
        event_date,
        count(*) as keys
    from d17_rate_flags
    where detector = 'error_storm'
    group by all
)

select
    'error_storm' as detector, storms.source, storms.model_served, storms.event_date, 'up' as direction,
    null::double as expected_usd, null::double as seen_usd, storms.score
from storms
left join key_storms using (source, event_date)
where
    worst_failures >= 10 and worst_failures >= 0.25 * worst_requests and score >= 6
    and coalesce(key_storms.keys, 0) != 1
union all
select
    'price_change', source, model_served, event_date,
    case when greatest(abs(price_moved), 0) > 0.02 then if(price_moved > 0, 'up', 'down') else if(charged_moved > 0, 'up', 'down') end,
    cost_usd * exp(-coalesce(charged_moved, 0)), cost_usd, greatest(abs(price_moved), abs(charged_moved))
from d07_price_days
where
    days >= 5
    and (
        abs(price_moved) > 0.02
        or (abs(charged_moved) > 0.03 and abs(charged_moved) > 6 * coalesce(charged_spread, 0) and requests >= 10)
    )
union all
select
    'unpriced', source, model_served, event_date, 'up', 0, sum(reported_usd), sum(unpriced_requests)
from usage_days
where unpriced_requests > 0
group by source, model_served, event_date
