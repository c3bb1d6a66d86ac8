{{ config(materialized = 'table') }}

with days as (
    select * from {{ ref('int_usage_days') }}
),

windows as (
    select
        days.event_date,
        days.weight,
        md5(concat_ws(
            '|', coalesce(eve.fingerprint, ''), days.fingerprint, coalesce(morrow.fingerprint, '')
        )) as fingerprint
    from days
    left join days as eve on eve.event_date = days.event_date - 1
    left join days as morrow on morrow.event_date = days.event_date + 1
)

select * from windows
