-- Fails if, in any currency, the legs do not sum to what the invoices ask for, what was received, or what went back.

with invoices as (
    select * from {{ ref('fct_invoices') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

differences as (
    select
        'invoice' as side,
        currency,
        payable_minor as amount_minor
    from invoices
    union all
    select
        'payment' as side,
        currency,
        received_minor as amount_minor
    from payments
    union all
    select
        return_kind as side,
        currency,
        amount_minor
    from returns
    where is_counted and payment_intent_id is not null
    union all
    select
        side,
        currency,
        -amount_minor as amount_minor
    from legs
),

sums as (
    select
        side,
        currency,
        sum(amount_minor) as unexplained_minor
    from differences
    group by side, currency
)

select * from sums
where unexplained_minor <> 0
