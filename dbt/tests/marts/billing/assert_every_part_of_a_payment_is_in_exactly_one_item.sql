{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-2 -#}
-- Fails if a payment intent is in no reconciliation item, or a part of one is in none or in several. Only an intent that
-- Stripe splits over several invoices has more than one part.

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
        legs.item_id,
        count(items.item_id) as item_count,
        max(case when items.has_split_payment then 1 else 0 end) as is_split
    from payment_intents
    left join legs on payment_intents.payment_intent_id = legs.object_id and legs.side = 'payment'
    left join items on legs.item_id = items.item_id
    group by payment_intents.payment_intent_id, legs.item_id
),

counted as (
    select
        placed.*,
        count(*) over (partition by payment_intent_id) as part_count
    from placed
)

select * from counted
where item_count <> 1 or (part_count > 1 and is_split = 0)
