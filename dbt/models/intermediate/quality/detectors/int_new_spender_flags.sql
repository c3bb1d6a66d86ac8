{{ config(materialized = 'ephemeral') }}

with first_week as (
    select
        key_days.*,
        row_number() over (partition by key_days.subject_number order by key_days.event_date asc) as place
    from {{ ref('int_subject_days') }} as key_days
    cross join {{ ref('int_anomaly_settings') }} as settings
    where
        key_days.subject_type = 'key'
        and key_days.day_number <= 7
        and key_days.source_day_number - key_days.day_number >= 13
        and key_days.spend_usd > settings.new_spender_floor_usd
),

final as (
    select
        'new_spender' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        0 as expected_usd,
        spend_usd as seen_usd,
        1 as score,
        'the key is new' as finding
    from first_week
    where place = 1
)

select * from final
