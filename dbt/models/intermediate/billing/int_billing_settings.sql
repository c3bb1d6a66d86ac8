{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-4 -#}
{{ config(materialized = 'table') }}

-- One row: settings of the reconciliation. Ages count from the data's own last day, never from the clock, so that the
-- same files give the same answer on every day they are read.

with settings as (
    select * from {{ ref('stg_config__anomaly_settings') }}
),

invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

stripe_invoices as (
    select * from {{ ref('stg_stripe__invoices') }}
),

stated as (
    select
        max(case when setting = 'invoice_grace_days' then setting_value end) as invoice_grace_days,
        max(case when setting = 'payment_in_flight_days' then setting_value end) as payment_in_flight_days,
        max(case when setting = 'standard_vat_pct' then setting_value end) as standard_vat_pct,
        max(case when setting = 'stripe_livemode' then setting_value end) as stripe_livemode
    from settings
),

moments as (
    select cast(issued_at as date) as seen_date from invoices
    union all
    select delivered_on as seen_date from invoices
    union all
    select cast(created_at as date) as seen_date from payment_intents
    union all
    select cast(fetched_at as date) as seen_date from payment_intents
    union all
    select cast(fetched_at as date) as seen_date from stripe_invoices
),

watermark as (
    select max(seen_date) as watermark_date
    from moments
),

-- A key reads one mode only; without a stated mode the account is in the mode most of its intents are in.
modes as (
    select 2 * sum(case when is_livemode then 1 else 0 end) > count(*) as is_mostly_live
    from payment_intents
),

settled as (
    select
        watermark.watermark_date,
        cast(coalesce(stated.invoice_grace_days, 3) as bigint) as invoice_grace_days,
        cast(coalesce(stated.payment_in_flight_days, 30) as bigint) as payment_in_flight_days,
        cast(coalesce(stated.standard_vat_pct, 20) * cast(0.01 as decimal(3, 2)) as decimal(9, 6)) as standard_vat_ratio,
        coalesce(stated.stripe_livemode = 1, modes.is_mostly_live, false) as is_livemode_expected
    from stated
    cross join watermark
    cross join modes
)

select * from settled
