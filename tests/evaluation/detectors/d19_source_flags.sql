-- What concerns a whole source: hours or days that did not arrive, data later than usual, system events that cost.
with lateness as (
    select
        source,
        event_date,
        sum(requests) as requests,
        quantile_disc(date_diff('day', event_date, delivered_on), 0.5) as lag_days,
        min(date_diff('day', event_date, delivered_on)) as first_lag_days
    from delivery_days
    group by all
),

lags as (
    select source, quantile_disc(first_lag_days, 0.5) as usual_lag_days
    from lateness
    group by source
),

late as (
    select
        delivery_days.source,
        delivery_days.event_date,
        sum(requests) as requests,
        sum(case when date_diff('day', event_date, delivered_on) > usual_lag_days + 1 then requests else 0 end) as late_requests
    from delivery_days
    inner join lags using (source)
    group by all
),

usual_late as (
    select
        *,
        quantile_cont(late_requests / requests, 0.95) over (
            partition by source order by event_date asc rows between 28 preceding and 1 preceding
        ) as usual_share
    from late
)

select
    verdict as detector, source, event_date, null::double as seen_usd, missing_hours as score
from d02_source_days
where verdict != 'complete'
union all
select 'late_data', source, event_date, null, late_requests / requests
from usual_late
where late_requests >= 20 and late_requests / requests > greatest(0.05, 3 * usual_share)
union all
select 'system_cost', source, event_date, cost_usd, cost_usd
from system_costs
where cost_usd > 0
