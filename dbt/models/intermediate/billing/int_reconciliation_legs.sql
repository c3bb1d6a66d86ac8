{{ config(materialized = 'table') }}

-- One row per object that moves or promises money, in the one item it belongs to: the conservation table.
-- What the sources say in total, the legs say in total, currency by currency.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

invoice_legs as (
    select
        'invoice' as side,
        invoice_id as object_id,
        concat('inv:', invoice_id) as item_id,
        currency,
        case when invoice_status in ('void', 'draft', 'uncollectible') then 0 else total_minor end as amount_minor
    from invoices
),

payment_legs as (
    select
        'payment' as side,
        payment_intent_id as object_id,
        item_id,
        currency,
        received_minor as amount_minor
    from payments
),

return_legs as (
    select
        returns.return_kind as side,
        returns.return_id as object_id,
        payments.item_id,
        returns.currency,
        case when returns.is_counted then returns.amount_minor else 0 end as amount_minor
    from returns
    inner join payments on returns.payment_intent_id = payments.payment_intent_id
),

legs as (
    select * from invoice_legs
    union all
    select * from payment_legs
    union all
    select * from return_legs
)

select * from legs
