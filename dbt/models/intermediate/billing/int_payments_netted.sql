{{ config(materialized = 'table') }}

-- One row per payment intent: what it received and what of that went back.
-- Money moved is what a succeeded intent received in the mode the account is in; a test payment is not money.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

owners as (
    select * from {{ ref('int_payment_owners') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

returned as (
    select
        payment_intent_id,
        cast(sum(case when return_kind = 'refund' and is_counted then amount_minor else 0 end) as bigint)
            as refunded_minor,
        cast(sum(case when return_kind = 'dispute' and is_counted then amount_minor else 0 end) as bigint)
            as disputed_minor
    from returns
    where payment_intent_id is not null
    group by payment_intent_id
),

received as (
    select
        payment_intents.*,
        owners.item_id,
        owners.invoice_id,
        owners.link_priority,
        owners.match_methods,
        owners.candidate_count,
        payment_intents.is_livemode <> settings.is_livemode_expected as is_other_mode,
        case
            when payment_intents.payment_status <> 'succeeded' then 0
            when payment_intents.is_livemode <> settings.is_livemode_expected then 0
            else payment_intents.amount_received_minor
        end as received_minor
    from payment_intents
    inner join owners on payment_intents.payment_intent_id = owners.payment_intent_id
    cross join settings
),

netted as (
    select
        received.*,
        coalesce(returned.refunded_minor, 0) as refunded_minor,
        coalesce(returned.disputed_minor, 0) as disputed_minor,
        received.received_minor - coalesce(returned.refunded_minor, 0) - coalesce(returned.disputed_minor, 0)
            as net_minor,
        received.payment_status in ('processing', 'requires_action', 'requires_capture', 'requires_confirmation')
            as is_in_flight,
        received.payment_status in ('canceled', 'requires_payment_method') as is_failed_attempt
    from received
    left join returned on received.payment_intent_id = returned.payment_intent_id
)

select * from netted
