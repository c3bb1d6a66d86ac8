{#- Rulings: docs/decisions/deliveries.md#deliveries-4 -#}
-- Fails if a day has another number of requests than its raw rows less the superseded ones, adjustments of closed days
-- counted with the day they adjust. A closed day may have more: its files may have been archived.
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

adjustments as (
    select
        event_date,
        adjusts_event_date,
        sum({{ counted_requests() }}) as requests
    from {{ ref('fct_usage_costs') }}
    where adjusts_event_id is not null and event_date in {{ days_with_adjustments('fct_usage_costs') }}
    group by event_date, adjusts_event_date
),

entries as (
    select
        event_date,
        requests
    from {{ ref('fct_usage_daily') }}
    union all
    select
        event_date,
        -requests as requests
    from adjustments
    union all
    select
        adjusts_event_date as event_date,
        requests
    from adjustments
),

requests as (
    select
        event_date,
        sum(requests) as requests
    from entries
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
    and not (
        raw_rows.raw_rows - coalesce(superseded.superseded_rows, 0) - coalesce(account_events.account_rows, 0)
        < coalesce(requests.requests, 0)
        and raw_rows.event_date in {{ compared_closed_days('fct_usage_costs') }}
    )
