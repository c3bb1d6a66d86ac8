{{ config(materialized = 'table') }}

{%- do source('raw', 'manifests') %}

with manifests as (
    select * from {{ raw_manifests() }}
),

files as (
    select
        ---------- ids
        source,
        stream,
        dialect,
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
    from manifests
)

select * from files
