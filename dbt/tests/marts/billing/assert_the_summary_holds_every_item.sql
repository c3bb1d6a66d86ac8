-- Fails if the summary does not hold what the legs hold: every leg, in its currency.

with summary as (
    select * from {{ ref('recon_summary') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

differences as (
    select
        currency,
        invoiced_minor,
        received_minor,
        refunded_minor + disputed_minor as returned_minor
    from summary
    union all
    select
        currency,
        case when side = 'invoice' then -amount_minor else 0 end as invoiced_minor,
        case when side = 'payment' then -amount_minor else 0 end as received_minor,
        case when side in ('refund', 'dispute') then -amount_minor else 0 end as returned_minor
    from legs
),

sums as (
    select
        currency,
        sum(invoiced_minor) as invoiced_minor,
        sum(received_minor) as received_minor,
        sum(returned_minor) as returned_minor
    from differences
    group by currency
)

select * from sums
where invoiced_minor <> 0 or received_minor <> 0 or returned_minor <> 0
