{{ config(materialized = 'table') }}

{%- do source('raw', 'load_records') %}

with load_records as (
    select * from {{ raw_load_records() }}
),

files as (
    select
        ---------- ids
        source,
        stream,
        connector,
        "table" as raw_table,
        landing_file,

        ---------- what it became
        raw_file,
        rejects_file,
        blake3,
        reader_version,
        delivered_on,
        event_days,
        models,
        price_formulas,
        array_to_string(unknown_fields, ', ') as unknown_fields,

        ---------- counts
        bytes as file_bytes,
        lines as line_count,
        blank_lines as blank_line_count,
        events as event_count,
        rejects as reject_count
    from load_records
)

select * from files
