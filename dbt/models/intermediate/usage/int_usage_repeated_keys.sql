{{ config(materialized = 'daily', upstream = ['int_usage_day_windows'], margin_days = 1, keeps_content = true) }}

-- depends_on: {{ ref('int_usage_day_windows') }}
-- Hashes instead of ids: ten million ids do not fit where their hashes do, and a hash collision is harmless here.
with keys as (
    select
        event_date,
        hash(event_id) as key_hash
    from {{ ref('int_usage_events') }}
),

-- A copy may be on the day before or after: a correction changes the time, or two exports use start and end.
repeated as (
    select key_hash
    from keys
    group by key_hash
    having count(*) > 1
),

per_day as (
    select distinct
        keys.event_date,
        keys.key_hash
    from keys
    semi join repeated on keys.key_hash = repeated.key_hash
)

select * from per_day
