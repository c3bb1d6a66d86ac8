{{ config(materialized = 'table') }}

-- One row per payment intent and the one invoice it pays: the strongest link, then the lowest invoice number.
-- An intent that nothing links to an invoice is an item of its own.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

edges as (
    select * from {{ ref('int_invoice_payment_edges') }}
),

ranked as (
    select
        edges.*,
        row_number() over (
            partition by payment_intent_id
            order by link_priority asc, invoice_id asc
        ) as owner_rank,
        count(*) over (partition by payment_intent_id) as candidate_count
    from edges
),

owners as (
    select * from ranked
    where owner_rank = 1
),

owned as (
    select
        payment_intents.payment_intent_id,
        owners.invoice_id,
        owners.link_priority,
        owners.match_methods,
        cast(coalesce(owners.candidate_count, 0) as bigint) as candidate_count,
        case
            when owners.invoice_id is not null then concat('inv:', owners.invoice_id)
            else concat('pi:', payment_intents.payment_intent_id)
        end as item_id
    from payment_intents
    left join owners on payment_intents.payment_intent_id = owners.payment_intent_id
)

select * from owned
