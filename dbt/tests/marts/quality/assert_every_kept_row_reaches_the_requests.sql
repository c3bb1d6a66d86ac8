-- Fails if a day just built has another number of requests than its raw rows less the superseded ones.
with raw_rows as (
    select
        event_date,
        sum(event_count) as raw_rows
    from {{ ref('stg_raw__file_days') }}
    group by event_date
),

superseded as (
    select
        event_date,
        count(*) as superseded_rows
    from {{ ref('int_usage_repeated_events') }}
    where verdict != 'kept'
    group by event_date
),

account_events as (
    select
        event_date,
        sum(deliveries) as account_rows
    from {{ ref('fct_account_events') }}
    group by event_date
),

requests as (
    select
        event_date,
        sum(requests) as requests
    from {{ ref('fct_usage_daily') }}
    group by event_date
)

select
    raw_rows.event_date,
    raw_rows.raw_rows,
    requests.requests
from raw_rows
left join superseded on raw_rows.event_date = superseded.event_date
left join account_events on raw_rows.event_date = account_events.event_date
left join requests on raw_rows.event_date = requests.event_date
where
    raw_rows.raw_rows - coalesce(superseded.superseded_rows, 0) - coalesce(account_events.account_rows, 0)
    != coalesce(requests.requests, 0)
