-- Fails if, in any currency, the settlements do not sum to what the Stripe balance moved by.

with settlements as (
    select * from {{ ref('recon_payment_settlements') }}
),

balance_transactions as (
    select * from {{ ref('stg_stripe__balance_transactions') }}
),

differences as (
    select
        currency,
        amount_minor as gross_minor,
        fee_minor,
        net_minor
    from balance_transactions
    union all
    select
        settled_currency as currency,
        -gross_minor as gross_minor,
        -fee_minor as fee_minor,
        -settled_net_minor as net_minor
    from settlements
    where settled_currency is not null
),

sums as (
    select
        currency,
        sum(gross_minor) as gross_minor,
        sum(fee_minor) as fee_minor,
        sum(net_minor) as net_minor
    from differences
    group by currency
)

select * from sums
where gross_minor <> 0 or fee_minor <> 0 or net_minor <> 0
