{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-7 -#}
{{ config(materialized = 'table') }}

-- One row per refund or dispute, with the one intent it takes money from and whether it counts; like payments, returns
-- of the other mode are not money. Older objects name only their charge; the intent is then the one whose last charge
-- it was.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

refunds as (
    select * from {{ ref('stg_stripe__refunds') }}
),

disputes as (
    select * from {{ ref('stg_stripe__disputes') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

charge_owners as (
    select
        latest_charge_id,
        min(payment_intent_id) as payment_intent_id
    from payment_intents
    where latest_charge_id is not null
    group by latest_charge_id
),

returns as (
    select
        'refund' as return_kind,
        refund_id as return_id,
        payment_intent_id as named_intent_id,
        charge_id,
        refund_status as return_status,
        refund_status = 'succeeded' as is_counted,
        currency,
        amount_minor,
        created_at
    from refunds
    union all
    select
        'dispute' as return_kind,
        dispute_id as return_id,
        payment_intent_id as named_intent_id,
        charge_id,
        dispute_status as return_status,
        dispute_status not in ('won', 'warning_closed', 'prevented') as is_counted,
        currency,
        amount_minor,
        created_at
    from disputes
),

attributed as (
    select
        returns.return_kind,
        returns.return_id,
        coalesce(named_intents.payment_intent_id, charge_owners.payment_intent_id) as payment_intent_id,
        returns.return_status,
        returns.is_counted,
        returns.currency,
        returns.amount_minor,
        returns.created_at
    from returns
    left join payment_intents as named_intents on returns.named_intent_id = named_intents.payment_intent_id
    left join charge_owners on returns.charge_id = charge_owners.latest_charge_id
),

counted as (
    select
        attributed.return_kind,
        attributed.return_id,
        attributed.payment_intent_id,
        attributed.return_status,
        attributed.is_counted and coalesce(payment_intents.is_livemode = settings.is_livemode_expected, true) as is_counted,
        coalesce(payment_intents.is_livemode <> settings.is_livemode_expected, false) as is_other_mode,
        attributed.currency,
        attributed.amount_minor,
        attributed.created_at
    from attributed
    cross join settings
    left join payment_intents on attributed.payment_intent_id = payment_intents.payment_intent_id
)

select * from counted
