{{ config(materialized = 'table') }}

-- One row per charge, as last fetched: an attempt to take an intent's money.

with charges as (
    select * from {{ latest_stripe_versions('charge') }}
),

renamed as (
    select
        ---------- ids
        charge_id,
        source,
        nullif(trim(payment_intent_id), '') as payment_intent_id,
        customer_id,
        balance_transaction_id,
        nullif(trim(workspace_id), '') as metadata_workspace_id,
        nullif(trim(infery_invoice_id), '') as metadata_invoice_id,

        ---------- state
        lower(trim(status)) as charge_status,
        coalesce(livemode, false) as is_livemode,
        coalesce(is_captured, false) as is_captured,
        failure_code,

        ---------- money, minor units
        lower(trim(currency)) as currency,
        coalesce(amount, 0) as amount_minor,
        coalesce(amount_captured, 0) as amount_captured_minor,
        coalesce(amount_refunded, 0) as amount_refunded_minor,

        ---------- timestamps
        created_at,
        fetched_at
    from charges
)

select * from renamed
