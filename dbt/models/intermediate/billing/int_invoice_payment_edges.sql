{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-1 -#}
{{ config(materialized = 'table') }}

-- One row per invoice and payment intent that something links, with everything that links them. Priority 1 is the intent
-- the invoice names, 2 the Stripe invoice it names and that the intent pays, 3 the invoice the payment's own metadata
-- names, 4 the one that the metadata of the Stripe invoice names.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

payment_metadata as (
    select * from {{ ref('int_payment_metadata') }}
),

invoice_payments as (
    select * from {{ ref('stg_stripe__invoice_payments') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
),

named_by_invoice as (
    select
        invoices.invoice_id,
        payment_intents.payment_intent_id,
        'payment_intent' as link_method,
        1 as link_priority
    from invoices
    inner join payment_intents on invoices.payment_intent_id = payment_intents.payment_intent_id
),

-- Money moved from one invoice to another leaves a canceled payment.
named_by_stripe_invoice as (
    select
        stripe_invoice_links.invoice_id,
        payment_intents.payment_intent_id,
        case when stripe_invoice_links.link_priority = 2 then 'stripe_invoice' else 'metadata' end as link_method,
        stripe_invoice_links.link_priority
    from stripe_invoice_links
    inner join invoice_payments on stripe_invoice_links.stripe_invoice_id = invoice_payments.stripe_invoice_id
    inner join payment_intents on invoice_payments.payment_intent_id = payment_intents.payment_intent_id
    where not (invoice_payments.invoice_payment_status = 'canceled' and payment_intents.payment_status = 'succeeded')
),

named_by_metadata as (
    select
        invoices.invoice_id,
        payment_metadata.payment_intent_id,
        'metadata' as link_method,
        3 as link_priority
    from payment_metadata
    inner join invoices on payment_metadata.metadata_invoice_id = invoices.invoice_id
),

links as (
    select * from named_by_invoice
    union all
    select * from named_by_stripe_invoice
    union all
    select * from named_by_metadata
),

edges as (
    select
        invoice_id,
        payment_intent_id,
        min(link_priority) as link_priority,
        concat_ws(
            ',',
            max(case when link_method = 'payment_intent' then link_method end),
            max(case when link_method = 'stripe_invoice' then link_method end),
            max(case when link_method = 'metadata' then link_method end)
        ) as match_methods
    from links
    group by invoice_id, payment_intent_id
)

select * from edges
