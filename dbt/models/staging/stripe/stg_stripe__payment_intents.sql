{{ config(materialized = 'table') }}

-- One row per payment intent: the version fetched last, because status, metadata and amounts change after creation.

with payment_intents as (
    select * from {{ latest_stripe_versions('payment_intent') }}
),

renamed as (
    select
        ---------- ids
        payment_intent_id,
        source,
        customer_id,
        latest_charge_id,
        nullif(trim(workspace_id), '') as metadata_workspace_id,
        nullif(trim(infery_invoice_id), '') as metadata_invoice_id,

        ---------- state
        lower(trim(status)) as payment_status,
        coalesce(livemode, false) as is_livemode,

        ---------- money
        lower(trim(currency)) as currency,
        coalesce(amount, 0) as amount_minor,
        coalesce(amount_received, 0) as amount_received_minor,

        ---------- timestamps
        created_at,
        fetched_at
    from payment_intents
)

select * from renamed
