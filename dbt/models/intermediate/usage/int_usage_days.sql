{{ config(materialized = 'table') }}

with file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

days as (
    select
        event_date,
        cast(sum(event_count) as bigint) as weight,
        md5(string_agg(
            concat_ws('|', raw_table, source, landing_file, sha256, reader_version), ',' order by source, landing_file
        )) as fingerprint
    from file_days
    group by event_date
)

select * from days
