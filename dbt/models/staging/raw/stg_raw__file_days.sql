{{ config(materialized = 'table') }}

with files as (
    select * from {{ ref('stg_raw__files') }}
),

file_days as (
    select
        source,
        stream,
        connector,
        raw_table,
        landing_file,
        raw_file,
        blake3,
        reader_version,
        delivered_on,
        unnest(event_days, recursive := true)
    from files
),

renamed as (
    select
        source,
        stream,
        connector,
        raw_table,
        landing_file,
        raw_file,
        blake3,
        reader_version,
        delivered_on,
        event_date,
        events as event_count
    from file_days
)

select * from renamed
