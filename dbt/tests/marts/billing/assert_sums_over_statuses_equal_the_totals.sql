-- Fails if, in any currency, the items do not sum to what was invoiced and received.
-- Items that several currencies were paid into show no sum; what they received is taken from their legs.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

invoices as (
    select * from {{ ref('fct_invoices') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

differences as (
    select
        'invoiced' as measure,
        currency,
        invoiced_minor as amount_minor
    from items
    where invoice_id is not null
    union all
    select
        'invoiced' as measure,
        currency,
        -total_minor as amount_minor
    from invoices
    union all
    select
        'received' as measure,
        paid_currency as currency,
        received_minor as amount_minor
    from items
    where paid_currency is not null
    union all
    select
        'received' as measure,
        legs.currency,
        legs.amount_minor
    from legs
    inner join items on legs.item_id = items.item_id
    where legs.side = 'payment' and items.received_minor is null
    union all
    select
        'received' as measure,
        currency,
        -received_minor as amount_minor
    from payments
),

sums as (
    select
        measure,
        currency,
        sum(amount_minor) as unexplained_minor
    from differences
    group by measure, currency
)

select * from sums
where unexplained_minor <> 0
