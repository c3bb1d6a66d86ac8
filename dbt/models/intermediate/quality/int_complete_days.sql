-- One row per source and day that is complete: a later day has been delivered since, and the day is covered: it has
-- events, or a file was delivered on it or the day after. An uncovered day is a gap, not a zero.

with files as (
    select * from {{ ref('stg_raw__files') }}
),

file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

event_streams as (
    select distinct
        source,
        stream
    from file_days
),

deliveries as (
    select distinct
        files.source,
        files.delivered_on
    from files
    inner join event_streams on files.source = event_streams.source and files.stream = event_streams.stream
),

last_deliveries as (
    select
        source,
        max(delivered_on) as last_delivered_on
    from deliveries
    group by source
),

covered_days as (
    select
        source,
        event_date
    from file_days
    union
    select
        source,
        delivered_on as event_date
    from deliveries
    union
    select
        source,
        cast({{ dbt.dateadd('day', -1, 'delivered_on') }} as date) as event_date
    from deliveries
),

complete_days as (
    select
        covered_days.source,
        covered_days.event_date
    from covered_days
    inner join last_deliveries on covered_days.source = last_deliveries.source
    where covered_days.event_date < last_deliveries.last_delivered_on
)

select * from complete_days
