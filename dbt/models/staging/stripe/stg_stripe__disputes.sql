-- One row per dispute: the version fetched last, because its status changes for weeks.

with disputes as (
    select * from {{ raw_glob('stripe_disputes') }}
),

ranked as (
    select
        disputes.*,
        row_number() over (
            partition by dispute_id
            order by fetched_at desc, content_sha256 desc
        ) as version_rank
    from disputes
),

latest as (
    select * from ranked
    where version_rank = 1
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
    from latest
)

select * from renamed
