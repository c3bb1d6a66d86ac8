{#- Rulings: docs/decisions/days.md -#}
{{ config(materialized = 'table') }}

with file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

-- The settings of a source in sources.yml decide what its rows mean.
settings as (
    select
        source,
        string_agg(
            concat_ws(
                '|', connector, time_zone, time_basis, quota_per_unit, quota_valid_from, usd_per_credit,
                discount_convention, usage_semantic, billing_time_zone, charge_rounding, trusted_ids
            ),
            ',' order by quota_valid_from nulls first
        ) as settings_text
    from {{ ref('stg_config__sources') }}
    group by source
),

days as (
    select
        file_days.event_date,
        cast(sum(file_days.event_count) as bigint) as weight,
        md5(string_agg(
            concat_ws(
                '|', file_days.raw_table, file_days.source, file_days.landing_file, file_days.blake3,
                file_days.reader_version, coalesce(settings.settings_text, '')
            ),
            ',' order by file_days.source, file_days.landing_file
        )) as fingerprint
    from file_days
    left join settings on file_days.source = settings.source
    group by file_days.event_date
)

select * from days
