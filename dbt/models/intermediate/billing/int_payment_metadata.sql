{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-1 -#}
{{ config(materialized = 'table') }}

-- One row per payment intent: the workspace and the invoice its metadata names. The gateway writes both on the intent or on
-- the charge; where neither has them, the Stripe invoice it pays may. Whether the three disagree is kept beside it.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

charges as (
    select * from {{ ref('stg_stripe__charges') }}
),

invoice_payments as (
    select * from {{ ref('stg_stripe__invoice_payments') }}
),

stripe_invoices as (
    select * from {{ ref('stg_stripe__invoices') }}
),

-- An intent that pays several invoices cannot name all of them, so their metadata is not used for it.
invoices_paid as (
    select
        invoice_payments.payment_intent_id,
        case when count(distinct stripe_invoices.metadata_workspace_id) = 1 then min(stripe_invoices.metadata_workspace_id) end
            as workspace_id,
        case when count(distinct stripe_invoices.metadata_invoice_id) = 1 then min(stripe_invoices.metadata_invoice_id) end
            as invoice_id
    from invoice_payments
    inner join stripe_invoices on invoice_payments.stripe_invoice_id = stripe_invoices.stripe_invoice_id
    where invoice_payments.payment_intent_id is not null
    group by invoice_payments.payment_intent_id
),

said as (
    select
        payment_intents.payment_intent_id,
        payment_intents.metadata_workspace_id as intent_workspace_id,
        payment_intents.metadata_invoice_id as intent_invoice_id,
        charges.metadata_workspace_id as charge_workspace_id,
        charges.metadata_invoice_id as charge_invoice_id,
        invoices_paid.workspace_id as document_workspace_id,
        invoices_paid.invoice_id as document_invoice_id
    from payment_intents
    left join charges on payment_intents.latest_charge_id = charges.charge_id
    left join invoices_paid on payment_intents.payment_intent_id = invoices_paid.payment_intent_id
),

judged as (
    select
        payment_intent_id,
        coalesce(intent_workspace_id, charge_workspace_id, document_workspace_id) as metadata_workspace_id,
        coalesce(intent_invoice_id, charge_invoice_id, document_invoice_id) as metadata_invoice_id,
        coalesce(intent_workspace_id, charge_workspace_id) is null
        or coalesce(intent_invoice_id, charge_invoice_id) is null as is_metadata_missing,
        coalesce(intent_workspace_id <> charge_workspace_id, false)
        or coalesce(intent_workspace_id <> document_workspace_id, false)
        or coalesce(charge_workspace_id <> document_workspace_id, false)
        or coalesce(intent_invoice_id <> charge_invoice_id, false)
        or coalesce(intent_invoice_id <> document_invoice_id, false)
        or coalesce(charge_invoice_id <> document_invoice_id, false) as has_metadata_disagreement
    from said
)

select * from judged
