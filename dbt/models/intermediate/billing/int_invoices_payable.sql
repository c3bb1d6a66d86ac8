{#- Rulings: docs/decisions/invoices-and-payments.md -#}
{{ config(materialized = 'table') }}

-- One row per gateway invoice: the amount payments must cover. For a live invoice that is its total, less credit notes
-- from before the payment, less what the customer's balance or a payment outside Stripe settled. A credit note after
-- the payment is part of its refund.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

stripe_invoices as (
    select * from {{ ref('stg_stripe__invoices') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
),

credit_notes as (
    select * from {{ ref('stg_stripe__credit_notes') }}
),

invoice_payments as (
    select * from {{ ref('stg_stripe__invoice_payments') }}
),

credited as (
    select
        stripe_invoice_links.invoice_id,
        credit_notes.currency,
        cast(sum(credit_notes.pre_payment_minor) as bigint) as credited_minor
    from credit_notes
    inner join stripe_invoice_links
        on credit_notes.stripe_invoice_id = stripe_invoice_links.stripe_invoice_id and stripe_invoice_links.is_owner
    where credit_notes.credit_note_status = 'issued'
    group by stripe_invoice_links.invoice_id, credit_notes.currency
),

asked_of_intents as (
    select
        stripe_invoice_links.invoice_id,
        max(case when invoice_payments.invoice_payment_status = 'paid' then 1 else 0 end) = 1 as is_paid_by_intent
    from stripe_invoice_links
    inner join invoice_payments on stripe_invoice_links.stripe_invoice_id = invoice_payments.stripe_invoice_id
    where stripe_invoice_links.is_owner and invoice_payments.payment_intent_id is not null
    group by stripe_invoice_links.invoice_id
),

-- The balance pays the amount it rises by: customer credit is negative. An amount too small to charge is a debt on the
-- balance and is charged with the next invoice.
document_facts as (
    select
        stripe_invoice_links.invoice_id,
        stripe_invoices.currency,
        stripe_invoices.starting_balance_minor,
        stripe_invoices.ending_balance_minor - stripe_invoices.starting_balance_minor as balance_minor,
        stripe_invoices.amount_paid_off_stripe_minor as off_stripe_minor,
        stripe_invoices.stripe_invoice_status in ('open', 'paid') as is_asked_for,
        stripe_invoices.stripe_invoice_status = 'paid' as is_paid_document
    from stripe_invoice_links
    inner join stripe_invoices on stripe_invoice_links.stripe_invoice_id = stripe_invoices.stripe_invoice_id
    where stripe_invoice_links.is_owner
),

invoices_of_others as (
    select invoice_id
    from stripe_invoice_links
    group by invoice_id
    having max(case when is_owner then 1 else 0 end) = 0
),

documents as (
    select
        invoice_id,
        currency,
        cast(sum(case when is_asked_for then balance_minor else 0 end) as bigint) as balance_minor,
        cast(sum(case when is_asked_for then off_stripe_minor else 0 end) as bigint) as off_stripe_minor,
        min(case when is_asked_for then starting_balance_minor end) < 0 as had_credit,
        max(case when is_paid_document then 1 else 0 end) = 1 as is_paid_document
    from document_facts
    group by invoice_id, currency
),

joined as (
    select
        invoices.*,
        invoices.invoice_status not in ('void', 'draft', 'uncollectible') as is_live,
        case when invoices.invoice_status in ('void', 'draft', 'uncollectible') then 0 else invoices.total_minor end
            as live_minor,
        coalesce(credited.credited_minor, 0) as noted_minor,
        coalesce(documents.balance_minor, 0) as balance_minor,
        coalesce(documents.off_stripe_minor, 0) as off_stripe_minor,
        documents.invoice_id is not null as has_document,
        coalesce(documents.had_credit, false) as had_credit,
        coalesce(documents.is_paid_document, false) as is_paid_document,
        invoices_of_others.invoice_id is not null as is_document_of_another,
        asked_of_intents.invoice_id is not null as is_asked_of_intent,
        coalesce(asked_of_intents.is_paid_by_intent, false) as is_paid_by_intent
    from invoices
    left join credited on invoices.invoice_id = credited.invoice_id and invoices.currency = credited.currency
    left join documents on invoices.invoice_id = documents.invoice_id and invoices.currency = documents.currency
    left join invoices_of_others on invoices.invoice_id = invoices_of_others.invoice_id
    left join asked_of_intents on invoices.invoice_id = asked_of_intents.invoice_id
),

owed as (
    select
        joined.*,
        case when is_live then least(noted_minor, live_minor) else 0 end as credited_minor
    from joined
),

settled as (
    select
        owed.*,
        live_minor - credited_minor as owed_minor,
        case when is_live then least(balance_minor + off_stripe_minor, live_minor - credited_minor) else 0 end
            as settled_otherwise_minor,
        case
            when off_stripe_minor > 0 then 'out_of_band'
            when balance_minor > 0 and had_credit then 'customer_balance'
            when balance_minor > 0 then 'below_minimum'
        end as settled_by
    from owed
),

payable as (
    select
        settled.*,
        owed_minor - settled_otherwise_minor as payable_minor
    from settled
),

with_scale as (
    select
        payable.*,
        {{ major_per_minor('currencies.exponent') }} as major_per_minor
    from payable
    left join currencies on payable.currency = currencies.currency
),

valued as (
    select
        * exclude (major_per_minor),
        {{ major_amount('net_minor', 'major_per_minor') }} as net_amount,
        {{ major_amount('vat_minor', 'major_per_minor') }} as vat_amount,
        {{ major_amount('total_minor', 'major_per_minor') }} as total_amount,
        {{ major_amount('payable_minor', 'major_per_minor') }} as payable_amount
    from with_scale
)

select * from valued
