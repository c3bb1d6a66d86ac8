{{ config(materialized = 'daily', upstream = ['int_usage_days']) }}

-- depends_on: {{ ref('int_usage_days') }}
with account_events as (
    select * from {{ ref('stg_new_api__account_events') }}
),

-- An event's time is part of its id, so all its deliveries are on this day.
ranked as (
    select
        *,
        row_number() over (
            partition by account_event_id
            order by delivered_on desc, raw_file desc, raw_line desc
        ) as delivery_rank,
        count(*) over (partition by account_event_id) as delivery_count
    from account_events
),

latest as (
    select
        * exclude (delivery_rank, delivery_count),
        delivery_count as deliveries
    from ranked
    where delivery_rank = 1
)

select * from latest
