{#- Rulings: docs/decisions/anomalies.md#anomalies-3 -#}
{{ config(materialized = 'table') }}
{%- do source('books', 'run') %}

-- What the detectors may judge: the last days of each source, and whether all of each arrived. After the last call of a
-- source its days go on until the day of the run, for at most sixty days; they are silent if the calendar of its deliveries
-- says so.

with completeness as (
    select * from {{ ref('fct_day_completeness') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

silent_sources as (
    select source
    from {{ ref('stg_raw__source_status') }}
    where silent_since is not null
),

run as (
    select found_on from {{ run_state() }}
),

last_seen as (
    select
        source,
        max(event_date) as last_date
    from completeness
    where requests > 0
    group by source
),

spans as (
    select
        last_seen.source,
        last_seen.last_date,
        max(last_seen.last_date) over () - settings.history_days as first_due_date,
        run.found_on
    from last_seen
    cross join settings
    cross join run
),

-- The four weeks before a source fell silent.
last_weeks as (
    select
        spans.source,
        median(completeness.requests) as usual_requests,
        cast(max(completeness.due_on - completeness.event_date) as integer) as usual_lag_days
    from spans
    inner join completeness
        on spans.source = completeness.source
        and completeness.event_date between spans.last_date - 28 and spans.last_date
    group by spans.source
),

later_days as (
    select
        spans.source,
        cast(unnest(generate_series(spans.last_date + 1, least(spans.found_on - 1, spans.last_date + 60), interval 1 day)) as date)
            as event_date
    from spans
),

days as (
    select
        completeness.source,
        completeness.event_date,
        completeness.requests,
        completeness.usual_requests,
        completeness.missing_hours,
        completeness.is_complete,
        completeness.incomplete_reason
    from completeness
    inner join spans on completeness.source = spans.source
    where completeness.event_date between spans.first_due_date and least(spans.last_date, spans.found_on - 1)
    union all
    select
        later_days.source,
        later_days.event_date,
        0 as requests,
        cast(last_weeks.usual_requests as bigint) as usual_requests,
        0 as missing_hours,
        coalesce(completeness.is_complete, false) as is_complete,
        case
            when completeness.is_complete then null
            when silent_sources.source is null or later_days.event_date + last_weeks.usual_lag_days >= spans.found_on
                then 'awaited'
            else 'silent_source'
        end as incomplete_reason
    from later_days
    inner join spans on later_days.source = spans.source
    inner join last_weeks on later_days.source = last_weeks.source
    left join silent_sources on later_days.source = silent_sources.source
    left join completeness
        on later_days.source = completeness.source and later_days.event_date = completeness.event_date
),

final as (
    select
        source,
        event_date,
        requests,
        usual_requests,
        missing_hours,
        case
            when is_complete then 'complete'
            when incomplete_reason = 'awaited' then 'awaited'
            when incomplete_reason = 'silent_source' then 'silent_source'
            when requests = 0 and coalesce(usual_requests, 0) < 20 then 'incomplete'
            when requests = 0 or incomplete_reason = 'not_delivered' then 'missing_day'
            when incomplete_reason = 'missing_hours' then 'missing_hours'
            else 'missing_calls'
        end as verdict,
        date_diff('day', min(event_date) over (partition by source), event_date) + 1 as source_day_number
    from days
)

select * from final
