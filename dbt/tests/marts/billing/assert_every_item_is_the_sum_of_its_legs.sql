-- Fails if what an item says was payable, received, refunded or disputed is not the sum of its legs.
-- An item that several currencies were paid into shows no sum of payments.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

sums as (
    select
        item_id,
        sum(
            case
                when side = 'invoice' then amount_minor
                when side in ('credit', 'settlement') then -amount_minor
                else 0
            end
        ) as payable_minor,
        sum(case when side = 'payment' then amount_minor else 0 end) as received_minor,
        sum(case when side = 'refund' then amount_minor else 0 end) as refunded_minor,
        sum(case when side = 'dispute' then amount_minor else 0 end) as disputed_minor
    from legs
    group by item_id
)

select
    items.item_id,
    items.status,
    sums.payable_minor,
    sums.received_minor
from items
left join sums on items.item_id = sums.item_id
where
    sums.item_id is null
    or items.payable_minor <> sums.payable_minor
    or items.received_minor <> sums.received_minor
    or items.refunded_minor <> sums.refunded_minor
    or items.disputed_minor <> sums.disputed_minor
