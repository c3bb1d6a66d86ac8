-- Fails if what the payments say was refunded or is disputed is not the sum of the refunds and disputes that count.

with returns as (
    select * from {{ ref('int_payment_returns') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
),

differences as (
    select
        return_kind,
        amount_minor
    from returns
    where is_counted and payment_intent_id is not null
    union all
    select
        'refund' as return_kind,
        -refunded_minor as amount_minor
    from payments
    union all
    select
        'dispute' as return_kind,
        -disputed_minor as amount_minor
    from payments
),

sums as (
    select
        return_kind,
        sum(amount_minor) as unexplained_minor
    from differences
    group by return_kind
)

select * from sums
where unexplained_minor <> 0
