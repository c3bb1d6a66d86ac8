{{ config(materialized = 'table') }}

-- One row per credit note, as last fetched: it takes some of a Stripe invoice back, before or after it was paid.

with credit_notes as (
    select * from {{ latest_stripe_versions('credit_note') }}
),

renamed as (
    select
        ---------- ids
        credit_note_id,
        source,
        nullif(trim(invoice_id), '') as stripe_invoice_id,
        customer_id,

        ---------- state
        lower(trim(status)) as credit_note_status,
        lower(trim(type)) as credit_note_type,
        reason,

        ---------- money, minor units
        lower(trim(currency)) as currency,
        coalesce(total, amount, 0) as total_minor,
        coalesce(tax, 0) as tax_minor,
        -- Notes from before the split existed say only whether they came before the payment.
        coalesce(pre_payment_amount, case when lower(trim(type)) = 'pre_payment' then amount end, 0) as pre_payment_minor,
        coalesce(post_payment_amount, case when lower(trim(type)) = 'post_payment' then amount end, 0)
            as post_payment_minor,
        coalesce(out_of_band_amount, 0) as out_of_band_minor,

        ---------- details
        refunds,

        ---------- timestamps
        created_at,
        voided_at,
        fetched_at
    from credit_notes
)

select * from renamed
