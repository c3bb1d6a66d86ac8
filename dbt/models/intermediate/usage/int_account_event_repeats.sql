{{ config(materialized = 'daily', upstream = ['int_usage_days']) }}

-- depends_on: {{ ref('int_usage_days') }}
with ranked as (
    select * from {{ ref('int_account_events_ranked') }}
),

repeats as (
    select
        event_date,
        raw_file,
        count(*) as repeated_rows
    from ranked
    where delivery_rank > 1
    group by event_date, raw_file
)

select * from repeats
