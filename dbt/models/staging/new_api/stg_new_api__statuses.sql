{{ config(materialized = 'table') }}

with statuses as (
    select * from {{ raw_table('new_api_status') }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

compared as (
    select
        statuses.source,
        statuses.delivered_on,
        statuses.quota_per_unit,
        units.quota_per_unit as configured_quota_per_unit,
        coalesce(
            nullif(statuses.quota_display_type, ''),
            case statuses.display_in_currency when true then 'USD' when false then 'TOKENS' end
        ) as display_unit,
        statuses.raw_file,
        statuses.raw_line
    from statuses
    left join units
        on
            statuses.source = units.source
            and statuses.delivered_on >= units.valid_from
            and statuses.delivered_on < units.valid_to
)

select * from compared
