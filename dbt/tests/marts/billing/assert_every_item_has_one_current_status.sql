{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-5 -#}
-- Fails if the history's current statuses are not those of the items, one each.

with history as (
    select * from {{ ref('recon_status_history') }}
    where is_current
),

items as (
    select * from {{ ref('recon_invoice_payments') }}
)

select
    items.item_id,
    items.status,
    history.status as recorded_status
from items
full outer join history on items.item_id = history.item_id
where items.status is distinct from history.status
