{{ config(materialized = 'table') }}

-- One row per Stripe invoice, as last fetched: the document between the gateway's invoice and the payment.

with invoices as (
    select * from {{ latest_stripe_versions('invoice') }}
),

renamed as (
    select
        ---------- ids
        invoice_id as stripe_invoice_id,
        source,
        number as invoice_number,
        customer_id,
        nullif(trim(workspace_id), '') as metadata_workspace_id,
        nullif(trim(infery_invoice_id), '') as metadata_invoice_id,

        ---------- state
        lower(trim(status)) as stripe_invoice_status,
        billing_reason,
        collection_method,

        ---------- money, minor units
        lower(trim(currency)) as currency,
        coalesce(subtotal, 0) as subtotal_minor,
        total_excluding_tax as net_minor,
        tax as tax_minor,
        tax_lines as tax_line_count,
        coalesce(total, 0) as total_minor,
        coalesce(amount_due, 0) as amount_due_minor,
        coalesce(amount_paid, 0) as amount_paid_minor,
        coalesce(amount_paid_off_stripe, 0) as amount_paid_off_stripe_minor,
        coalesce(amount_remaining, 0) as amount_remaining_minor,
        coalesce(amount_overpaid, 0) as amount_overpaid_minor,
        coalesce(starting_balance, 0) as starting_balance_minor,
        -- Unknown until the invoice is finalized: until then nothing has come from the customer's balance.
        coalesce(ending_balance, starting_balance, 0) as ending_balance_minor,
        coalesce(pre_payment_credit_notes_amount, 0) as pre_payment_credit_minor,
        coalesce(post_payment_credit_notes_amount, 0) as post_payment_credit_minor,

        ---------- details
        payload,

        ---------- timestamps
        created_at,
        period_start as period_start_at,
        period_end as period_end_at,
        due_at,
        finalized_at,
        paid_at,
        fetched_at
    from invoices
)

select * from renamed
