{{ config(materialized = 'table') }}

-- One row: every threshold of the detectors, as stated in anomaly_settings or else as measured to work.

{%- set defaults = {
    'sigma_threshold': 3.8,
    'sigma_floor': 0.04,
    'request_scatter': 0.5,
    'count_scatter': 1.2,
    'spend_alert_pct': 100,
    'spend_floor_usd': 1,
    'slow_leak_threshold': 2.8,
    'wider_threshold_factor': 1.5,
    'log_offset_usd': 0.1,
    'history_days': 200,
    'reported_days': 140,
} %}

with settings as (
    select * from {{ ref('stg_config__anomaly_settings') }}
),

stated as (
    select
        {% for setting in defaults -%}
            max(case when setting = '{{ setting }}' then setting_value end) as {{ setting }},
        {% endfor -%}
        max(case when setting = 'any_day_alert_pct' then setting_value end) as any_day_alert_pct,
        max(case when setting = 'new_spender_floor_usd' then setting_value end) as new_spender_floor_usd
    from settings
),

with_defaults as (
    select
        {% for setting, value in defaults.items() -%}
            cast(coalesce({{ setting }}, {{ value }}) as {{ 'integer' if setting.endswith('_days') else 'double' }}) as {{ setting }},
        {% endfor -%}
        cast(any_day_alert_pct as double) as any_day_alert_pct,
        cast(coalesce(new_spender_floor_usd, spend_floor_usd, {{ defaults.spend_floor_usd }}) as double) as new_spender_floor_usd
    from stated
)

select * from with_defaults
