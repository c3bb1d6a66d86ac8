{{ config(materialized = 'daily', upstream = ['int_usage_days']) }}

-- depends_on: {{ ref('int_usage_days') }}
-- Hashes instead of ids: ten million ids do not fit where their hashes do, and a false twin is harmless here.
with usage_events as (
    select * from {{ ref('int_usage_events') }}
),

keys as (
    select
        event_date,
        hash(event_id) as key_hash
    from usage_events
),

repeated as (
    select
        event_date,
        key_hash
    from keys
    group by event_date, key_hash
    having count(*) > 1
)

select * from repeated
