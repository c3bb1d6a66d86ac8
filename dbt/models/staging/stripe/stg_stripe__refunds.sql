-- One row per refund: the version fetched last, because its status changes for weeks.

with refunds as (
    select * from {{ latest_stripe_versions('refund') }}
),

renamed as (
    select
        ---------- ids
        refund_id,
        source,
        nullif(trim(payment_intent_id), '') as payment_intent_id,
        nullif(trim(charge_id), '') as charge_id,
        balance_transaction_id,

        ---------- state
        lower(trim(status)) as refund_status,

        ---------- money
        lower(trim(currency)) as currency,
        coalesce(amount, 0) as amount_minor,

        ---------- timestamps
        created_at,
        fetched_at
    from refunds
)

select * from renamed
