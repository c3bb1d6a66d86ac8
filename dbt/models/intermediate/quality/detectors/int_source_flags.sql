{#- Rulings: docs/decisions/anomalies.md#anomalies-3 -#}
{{ config(materialized = 'ephemeral') }}

-- What concerns a whole source: hours or days that did not arrive, data later than usual, account events with a charge.

with source_days as (
    select * from {{ ref('int_source_coverage') }}
),

deliveries as (
    select
        source,
        usage_date as event_date,
        delivered_on,
        date_diff('day', usage_date, delivered_on) as lag_days,
        min(delivered_on) over (partition by source) as first_delivered_on,
        requests
    from {{ ref('rpt_delivery_days') }}
    where requests > 0
),

-- The first delivery of a source may bring years, and is not late.
first_lags as (
    select
        source,
        event_date,
        min(lag_days) as first_lag_days
    from deliveries
    where delivered_on > first_delivered_on
    group by source, event_date
),

lags as (
    select
        source,
        quantile_disc(first_lag_days, 0.5) as usual_lag_days
    from first_lags
    group by source
),

late as (
    select
        deliveries.source,
        deliveries.event_date,
        sum(deliveries.requests) as requests,
        sum(
            case
                when deliveries.lag_days > lags.usual_lag_days + 1 and deliveries.delivered_on > deliveries.first_delivered_on
                    then deliveries.requests
                else 0
            end
        ) as late_requests
    from deliveries
    inner join lags on deliveries.source = lags.source
    group by deliveries.source, deliveries.event_date
),

usual_late as (
    select
        *,
        quantile_cont(late_requests / requests, 0.95) over (
            partition by source order by event_date asc rows between 28 preceding and 1 preceding
        ) as usual_share
    from late
),

final as (
    select
        verdict as detector,
        source,
        event_date,
        'drop' as direction,
        greatest(missing_hours, 1) as score,
        case
            when verdict = 'missing_hours' then concat(missing_hours, ' hours without a call')
            when requests = 0 then concat('nothing came; a day like this has about ', usual_requests, ' calls')
            else concat(requests, ' calls came; a day like this has about ', usual_requests)
        end as finding
    from source_days
    where verdict in ('missing_hours', 'missing_calls', 'missing_day', 'silent_source')
    union all
    select
        'late_data' as detector,
        source,
        event_date,
        'spike' as direction,
        late_requests / requests as score,
        concat(
            cast(round(100 * late_requests / requests) as bigint), ' % of the day''s ', requests, ' calls came later than usual'
        ) as finding
    from usual_late
    where late_requests >= 20 and late_requests / requests > greatest(0.05, 3 * usual_share)
    union all
    select
        'system_cost' as detector,
        source,
        event_date,
        'spike' as direction,
        count(*) as score,
        concat(count(*), ' account events that should cost nothing have a quota, ', sum(quota), ' together') as finding
    from {{ ref('fct_account_events') }}
    where has_charge
    group by source, event_date
)

select * from final
