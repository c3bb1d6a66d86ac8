{#- Rulings: docs/decisions/credits.md#credits-6, docs/decisions/invoices-and-payments.md#invoices-2 -#}
{{ config(materialized = 'table') }}

-- One row per payment intent and invoice it pays. Nearly always that is one invoice: the strongest link, then the lowest
-- number; an intent that nothing links to an invoice is an item of its own. Where Stripe says that one intent paid several
-- invoices, it is split by what it paid of each, and the parts sum to what it received.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

invoice_payments as (
    select * from {{ ref('stg_stripe__invoice_payments') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
),

edges as (
    select * from {{ ref('int_invoice_payment_edges') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

-- Money moved is what a succeeded intent received in the mode the account is in; a test payment is not money.
received as (
    select
        payment_intents.payment_intent_id,
        payment_intents.is_livemode <> settings.is_livemode_expected as is_other_mode,
        case
            when payment_intents.payment_status <> 'succeeded' then 0
            when payment_intents.is_livemode <> settings.is_livemode_expected then 0
            else payment_intents.amount_received_minor
        end as received_minor
    from payment_intents
    cross join settings
),

ranked_edges as (
    select
        edges.*,
        row_number() over (
            partition by payment_intent_id
            order by link_priority asc, invoice_id asc
        ) as edge_rank,
        count(*) over (partition by payment_intent_id) as candidate_count
    from edges
),

documents_paid as (
    select
        invoice_payments.payment_intent_id,
        stripe_invoice_links.invoice_id,
        coalesce(stripe_invoice_links.invoice_id, invoice_payments.stripe_invoice_id) as document_id,
        invoice_payments.amount_paid_minor
    from invoice_payments
    left join stripe_invoice_links
        on invoice_payments.stripe_invoice_id = stripe_invoice_links.stripe_invoice_id and stripe_invoice_links.is_owner
    where
        invoice_payments.payment_intent_id is not null
        and invoice_payments.invoice_payment_status = 'paid'
        and invoice_payments.amount_paid_minor > 0
),

split_intents as (
    select payment_intent_id
    from documents_paid
    group by payment_intent_id
    having count(distinct document_id) > 1 and count(invoice_id) > 0
),

-- A payment of a Stripe invoice without a gateway invoice goes to the next best link, if any.
other_links as (
    select
        ranked_edges.payment_intent_id,
        min_by(ranked_edges.invoice_id, ranked_edges.edge_rank) as invoice_id
    from ranked_edges
    left join documents_paid
        on
            ranked_edges.payment_intent_id = documents_paid.payment_intent_id
            and ranked_edges.invoice_id = documents_paid.invoice_id
    where documents_paid.invoice_id is null
    group by ranked_edges.payment_intent_id
),

split_parts as (
    select
        documents_paid.payment_intent_id,
        coalesce(documents_paid.invoice_id, other_links.invoice_id) as invoice_id,
        sum(documents_paid.amount_paid_minor) as part_minor
    from documents_paid
    inner join split_intents on documents_paid.payment_intent_id = split_intents.payment_intent_id
    left join other_links on documents_paid.payment_intent_id = other_links.payment_intent_id
    group by documents_paid.payment_intent_id, coalesce(documents_paid.invoice_id, other_links.invoice_id)
),

owners as (
    select
        received.payment_intent_id,
        ranked_edges.invoice_id,
        cast(null as bigint) as part_minor
    from received
    left join ranked_edges
        on received.payment_intent_id = ranked_edges.payment_intent_id and ranked_edges.edge_rank = 1
    left join split_intents on received.payment_intent_id = split_intents.payment_intent_id
    where split_intents.payment_intent_id is null
    union all
    select
        split_parts.payment_intent_id,
        split_parts.invoice_id,
        cast(split_parts.part_minor as bigint) as part_minor
    from split_parts
    inner join received on split_parts.payment_intent_id = received.payment_intent_id
),

ordered as (
    select
        owners.*,
        received.is_other_mode,
        received.received_minor as intent_received_minor,
        ranked_edges.link_priority,
        ranked_edges.match_methods,
        row_number() over (
            partition by owners.payment_intent_id
            order by ranked_edges.edge_rank asc nulls last, owners.invoice_id asc nulls last
        ) as part_rank,
        count(*) over (partition by owners.payment_intent_id) as part_count,
        sum(owners.part_minor) over (partition by owners.payment_intent_id) as parts_minor,
        max(coalesce(ranked_edges.candidate_count, 0)) over (partition by owners.payment_intent_id) as candidate_count,
        count(owners.invoice_id) over (partition by owners.payment_intent_id) as invoice_count
    from owners
    inner join received on owners.payment_intent_id = received.payment_intent_id
    left join ranked_edges
        on
            owners.payment_intent_id = ranked_edges.payment_intent_id
            and owners.invoice_id = ranked_edges.invoice_id
),

-- What was received beyond the invoices, or is missing, belongs to the strongest link.
parts as (
    select
        payment_intent_id,
        invoice_id,
        link_priority,
        match_methods,
        case
            when invoice_id is not null then concat('inv:', invoice_id)
            else concat('pi:', payment_intent_id)
        end as item_id,
        cast(part_rank as bigint) as part_rank,
        cast(part_count as bigint) as part_count,
        is_other_mode,
        candidate_count > greatest(invoice_count, 1) as is_ambiguous_link,
        cast(
            case
                when part_count = 1 or intent_received_minor = 0 then case when part_rank = 1 then intent_received_minor else 0 end
                when part_rank = 1 then part_minor + intent_received_minor - parts_minor
                else part_minor
            end as bigint
        ) as received_minor
    from ordered
)

select * from parts
