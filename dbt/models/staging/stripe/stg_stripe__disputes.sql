-- One row per dispute: the version fetched last, because its status changes for weeks.

with disputes as (
    select * from {{ latest_stripe_versions('dispute') }}
),

renamed as (
    select
        ---------- ids
        dispute_id,
        source,
        nullif(trim(payment_intent_id), '') as payment_intent_id,
        nullif(trim(charge_id), '') as charge_id,

        ---------- state
        lower(trim(status)) as dispute_status,

        ---------- money
        lower(trim(currency)) as currency,
        coalesce(amount, 0) as amount_minor,

        ---------- timestamps
        created_at,
        fetched_at
    from disputes
)

select * from renamed
