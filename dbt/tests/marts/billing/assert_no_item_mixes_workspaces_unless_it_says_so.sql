-- Fails if a payment of another workspace hides in an item whose status does not say so.
-- Statuses that come before metadata_conflict win over it; the payment still shows whose it is.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
)

select
    items.item_id,
    items.status,
    items.workspace_id,
    payments.payment_intent_id,
    payments.metadata_workspace_id
from items
inner join payments on items.item_id = payments.item_id
where
    items.workspace_id <> payments.metadata_workspace_id
    and items.status not in (
        'metadata_conflict', 'livemode_mismatch', 'not_payable', 'zero_amount', 'settled_without_payment', 'currency_mismatch'
    )
