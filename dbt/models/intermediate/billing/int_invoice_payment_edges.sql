{{ config(materialized = 'table') }}

-- One row per invoice and payment intent that something links, with everything that links them.
-- Priority 1 is the intent the invoice names, 3 is the invoice the intent's metadata names;
-- 2 is kept for Stripe's own invoices, which sit between the two.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
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

named_by_metadata as (
    select
        invoices.invoice_id,
        payment_intents.payment_intent_id,
        'metadata' as link_method,
        3 as link_priority
    from payment_intents
    inner join invoices on payment_intents.metadata_invoice_id = invoices.invoice_id
),

links as (
    select * from named_by_invoice
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
            max(case when link_method = 'metadata' then link_method end)
        ) as match_methods
    from links
    group by invoice_id, payment_intent_id
)

select * from edges
