{#- Rulings: docs/decisions/anomalies.md#anomalies-3 -#}
{{ config(materialized = 'ephemeral') }}

-- What concerns a model of a source, whoever calls it: errors in an hour, prices, usage without a price.

with source_days as (
    select * from {{ ref('int_source_coverage') }}
),

first_days as (
    select
        source,
        min(event_date) as first_date
    from source_days
    group by source
),

model_hours as (
    select
        traffic.source,
        coalesce(traffic.model_served, '') as model_served,
        traffic.event_date,
        traffic.hour_at,
        sum(traffic.requests) as requests,
        sum(traffic.failed_requests + traffic.timed_out_requests) as failures
    from {{ ref('fct_traffic_hourly') }} as traffic
    inner join first_days on traffic.source = first_days.source and traffic.event_date >= first_days.first_date
    group by all
),

worst_hours as (
    select
        source,
        model_served,
        event_date,
        sum(requests) as requests,
        sum(failures) as failures,
        max(struct_pack(failures := failures, requests := -requests)) as worst
    from model_hours
    group by source, model_served, event_date
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
        source,
        model_served,
        event_date,
        worst.failures as worst_failures,
        -worst.requests as worst_requests,
        (worst.failures + worst.requests * usual_rate) / sqrt(-worst.requests * usual_rate * (1 - usual_rate) + 1) as score
    from usual
    where days >= 10
),

-- How many keys of the source have a storm of their own that day: one key's storm is not the model's.
key_storms as (
    select
        subject_days.source,
        subject_days.event_date,
        count(*) as keys
    from {{ ref('int_rate_flags') }} as flags
    inner join {{ ref('int_subject_days') }} as subject_days
        on flags.subject_number = subject_days.subject_number
        and flags.event_date = subject_days.event_date
    where flags.detector = 'error_storm'
    group by subject_days.source, subject_days.event_date
),

price_changes as (
    select
        *,
        coalesce(abs(price_moved) > 0.02, false) as is_ours,
        case when abs(price_moved) > 0.02 then price_moved else charged_moved end as moved
    from {{ ref('int_price_days') }}
    where
        days >= 5
        and (
            abs(price_moved) > 0.02
            or (abs(charged_moved) > 0.03 and abs(charged_moved) > 6 * coalesce(charged_spread, 0) and requests >= 10)
        )
),

unpriced as (
    select
        source,
        model_served,
        usage_date as event_date,
        cast(sum(reported_usd) as double) as reported_usd,
        sum(unpriced_requests) as unpriced_requests
    from {{ ref('int_key_model_days') }}
    where unpriced_requests > 0
    group by source, model_served, usage_date
),

final as (
    select
        'error_storm' as detector,
        storms.source,
        storms.model_served,
        storms.event_date,
        'spike' as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        storms.score,
        concat(storms.worst_failures, ' of ', storms.worst_requests, ' calls failed in the worst hour') as finding
    from storms
    left join key_storms on storms.source = key_storms.source and storms.event_date = key_storms.event_date
    where
        storms.worst_failures >= 10
        and storms.worst_failures >= 0.25 * storms.worst_requests
        and storms.score >= 6
        and coalesce(key_storms.keys, 0) != 1
    union all
    select
        'price_change' as detector,
        source,
        model_served,
        event_date,
        case when moved > 0 then 'spike' else 'drop' end as direction,
        cost_usd * exp(-coalesce(charged_moved, 0)) as expected_usd,
        cost_usd as seen_usd,
        abs(moved) as score,
        concat(
            case when is_ours then 'our unit price' else 'what the gateway charges per USD of ours' end,
            ' moved by ', cast(round(100 * exp(moved) - 100, 1) as decimal(18, 1)), ' %'
        ) as finding
    from price_changes
    union all
    select
        'unpriced' as detector,
        source,
        model_served,
        event_date,
        'spike' as direction,
        0 as expected_usd,
        reported_usd as seen_usd,
        unpriced_requests as score,
        concat(unpriced_requests, ' calls without a price') as finding
    from unpriced
)

select * from final
