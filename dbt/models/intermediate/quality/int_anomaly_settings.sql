{{ config(materialized = 'table') }}

-- One row: every threshold of the spend detector, as stated in anomaly_settings or else as measured to work.

with settings as (
    select * from {{ ref('stg_config__anomaly_settings') }}
),

stated as (
    select
        max(case when setting = 'sigma_threshold' then setting_value end) as sigma_threshold,
        max(case when setting = 'sigma_floor' then setting_value end) as sigma_floor,
        max(case when setting = 'request_scatter' then setting_value end) as request_scatter,
        max(case when setting = 'spend_alert_pct' then setting_value end) as spend_alert_pct,
        max(case when setting = 'spend_floor_usd' then setting_value end) as spend_floor_usd,
        max(case when setting = 'new_spender_floor_usd' then setting_value end) as new_spender_floor_usd
    from settings
),

with_defaults as (
    select
        cast(coalesce(sigma_threshold, 3.5) as double) as sigma_threshold,
        cast(coalesce(sigma_floor, 0.15) as double) as sigma_floor,
        cast(coalesce(request_scatter, 1.5) as double) as request_scatter,
        cast(coalesce(spend_alert_pct, 100) as double) as spend_alert_pct,
        cast(coalesce(spend_floor_usd, 1) as decimal(18, 6)) as spend_floor_usd,
        cast(coalesce(new_spender_floor_usd, spend_floor_usd, 1) as decimal(18, 6)) as new_spender_floor_usd
    from stated
)

select * from with_defaults
