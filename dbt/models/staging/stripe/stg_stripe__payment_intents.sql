{{ config(materialized = 'table') }}

-- One row per payment intent: the version fetched last, because status, metadata and amounts change after creation.

with payment_intents as (
    select * from {{ raw_glob('stripe_payment_intents') }}
),

ranked as (
    select
        payment_intents.*,
        row_number() over (
            partition by payment_intent_id
            order by fetched_at desc, content_sha256 desc
        ) as version_rank
    from payment_intents
),

latest as (
    select * from ranked
    where version_rank = 1
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
    from latest
)

select * from renamed
