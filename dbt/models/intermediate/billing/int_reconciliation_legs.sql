{{ config(materialized = 'table') }}

-- One row per object that moves or promises money, and its item: the conservation table. The legs have the same totals
-- as the sources, currency by currency.

with invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
),

return_parts as (
    select * from {{ ref('int_payment_return_parts') }}
),

invoice_legs as (
    select
        'invoice' as side,
        invoice_id as object_id,
        concat('inv:', invoice_id) as item_id,
        currency,
        live_minor as amount_minor
    from invoices
),

credit_legs as (
    select
        'credit' as side,
        invoice_id as object_id,
        concat('inv:', invoice_id) as item_id,
        currency,
        credited_minor as amount_minor
    from invoices
    where credited_minor <> 0
),

settlement_legs as (
    select
        'settlement' as side,
        invoice_id as object_id,
        concat('inv:', invoice_id) as item_id,
        currency,
        settled_otherwise_minor as amount_minor
    from invoices
    where settled_otherwise_minor <> 0
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
        return_kind as side,
        return_id as object_id,
        item_id,
        currency,
        case when is_counted then amount_minor else 0 end as amount_minor
    from return_parts
),

legs as (
    select * from invoice_legs
    union all
    select * from credit_legs
    union all
    select * from settlement_legs
    union all
    select * from payment_legs
    union all
    select * from return_legs
)

select * from legs
