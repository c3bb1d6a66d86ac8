{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
),

per_file as (
    select
        event_date,
        coalesce(adjusts_event_date, event_date) as usage_date,
        raw_file,
        cast(sum({{ counted_requests() }}) as bigint) as requests
    from usage_costs
    group by event_date, usage_date, raw_file
),

-- A file's path is <source>/<stream>/dt=<day of delivery>/<name>.
placed as (
    select
        *,
        split_part(raw_file, '/', 1) as source,
        split_part(raw_file, '/', 2) as stream,
        cast(substr(split_part(raw_file, '/', 3), 4) as date) as delivered_on
    from per_file
),

delivery_days as (
    select
        event_date,
        usage_date,
        source,
        stream,
        delivered_on,
        cast(sum(requests) as bigint) as requests
    from placed
    group by event_date, usage_date, source, stream, delivered_on
)

select * from delivery_days
