{#- Rulings: docs/decisions/reports.md#reports-1 -#}
-- A UTC day is part of two days of a billing zone, or of one: the day that holds at 00:00 UTC and, from the zone's next
-- midnight on, the next one. That holds for any offset, and for days of 23 and of 25 hours.

with settings as (
    select
        source,
        max(billing_time_zone) as billing_time_zone
    from {{ ref('stg_config__sources') }}
    where billing_time_zone is not null
    group by source
),

days as (
    select event_date from {{ ref('int_usage_days') }}
),

first_days as (
    select
        settings.source,
        settings.billing_time_zone,
        days.event_date,
        {{ local_date('cast(days.event_date as timestamp)', 'settings.billing_time_zone') }} as first_billing_date
    from settings
    cross join days
),

billing_days as (
    select
        source,
        event_date,
        first_billing_date,
        first_billing_date + 1 as next_billing_date,
        {{ local_midnight('first_billing_date + 1', 'billing_time_zone') }} as next_billing_date_at
    from first_days
)

select * from billing_days
