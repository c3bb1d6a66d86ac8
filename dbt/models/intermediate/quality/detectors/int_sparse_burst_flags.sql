{{ config(materialized = 'ephemeral') }}

with key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key'
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

active_days as (
    select
        *,
        count(*) over before as active_days,
        quantile_cont(spend_usd, 0.95) over before as high_usd,
        median(ln(greatest(spend_usd, 0) + 0.01)) over before as middle,
        mad(ln(greatest(spend_usd, 0) + 0.01)) over before as spread
    from key_days
    where requests > 0
    window before as (partition by subject_number order by event_date asc rows between 40 preceding and 1 preceding)
),

final as (
    select
        'sparse_burst' as detector,
        active_days.subject_number,
        active_days.event_date,
        'spike' as direction,
        active_days.high_usd as expected_usd,
        active_days.spend_usd as seen_usd,
        active_days.spend_usd / greatest(active_days.high_usd, 0.01) as score,
        concat('its active days reach ', cast(round(active_days.high_usd, 2) as decimal(18, 2)), ' USD') as finding
    from active_days
    cross join settings
    where
        active_days.is_sparse
        and active_days.active_days >= 5
        and active_days.spend_usd > 3.7 * active_days.high_usd
        and active_days.spend_usd > exp(active_days.middle + 2.5 * greatest(1.4826 * active_days.spread, 0.3))
        and active_days.spend_usd - active_days.high_usd >= settings.spend_floor_usd
)

select * from final
