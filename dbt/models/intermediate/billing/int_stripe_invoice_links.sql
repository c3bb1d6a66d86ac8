{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-8 -#}
{{ config(materialized = 'table') }}

-- One row per gateway invoice and Stripe invoice that belong together. The gateway's invoice names Stripe's (priority 2), or
-- the metadata of Stripe's names the gateway's (priority 4). A Stripe invoice has one owner, so that its money counts
-- once: the strongest link, then the lowest invoice number.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

stripe_invoices as (
    select * from {{ ref('stg_stripe__invoices') }}
),

links as (
    select
        invoice_id,
        stripe_invoice_id,
        2 as link_priority
    from invoices
    where stripe_invoice_id is not null
    union all
    select
        invoices.invoice_id,
        stripe_invoices.stripe_invoice_id,
        4 as link_priority
    from stripe_invoices
    inner join invoices on stripe_invoices.metadata_invoice_id = invoices.invoice_id
),

strongest as (
    select
        invoice_id,
        stripe_invoice_id,
        min(link_priority) as link_priority
    from links
    group by invoice_id, stripe_invoice_id
),

ranked as (
    select
        strongest.*,
        row_number() over (
            partition by stripe_invoice_id
            order by link_priority asc, invoice_id asc
        ) = 1 as is_owner
    from strongest
)

select * from ranked
