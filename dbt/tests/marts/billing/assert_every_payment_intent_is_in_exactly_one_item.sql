-- Fails if a payment intent is in no reconciliation item or in more than one.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

items as (
    select * from {{ ref('recon_invoice_payments') }}
),

placed as (
    select
        payment_intents.payment_intent_id,
        count(items.item_id) as item_count
    from payment_intents
    left join legs on payment_intents.payment_intent_id = legs.object_id and legs.side = 'payment'
    left join items on legs.item_id = items.item_id
    group by payment_intents.payment_intent_id
)

select * from placed
where item_count <> 1
