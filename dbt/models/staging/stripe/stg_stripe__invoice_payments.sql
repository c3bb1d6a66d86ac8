{{ config(materialized = 'table') }}

-- One row per payment of a Stripe invoice, as last fetched: which intent pays which invoice, and how much of it.

with invoice_payments as (
    select * from {{ latest_stripe_versions('invoice_payment') }}
),

renamed as (
    select
        ---------- ids
        invoice_payment_id,
        source,
        nullif(trim(invoice_id), '') as stripe_invoice_id,
        nullif(trim(payment_intent_id), '') as payment_intent_id,
        nullif(trim(charge_id), '') as charge_id,
        payment_record_id,

        ---------- state
        lower(trim(payment_type)) as payment_type,
        lower(trim(status)) as invoice_payment_status,
        coalesce(is_default, false) as is_default,

        ---------- money, minor units
        lower(trim(currency)) as currency,
        coalesce(amount_requested, 0) as amount_requested_minor,
        coalesce(amount_paid, 0) as amount_paid_minor,

        ---------- timestamps
        created_at,
        paid_at,
        canceled_at,
        fetched_at
    from invoice_payments
)

select * from renamed
