-- Fails if an invoice is in no reconciliation item or in more than one.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

items as (
    select * from {{ ref('recon_invoice_payments') }}
),

placed as (
    select
        invoices.invoice_id,
        count(items.item_id) as item_count
    from invoices
    left join legs on invoices.invoice_id = legs.object_id and legs.side = 'invoice'
    left join items on legs.item_id = items.item_id and invoices.invoice_id = items.invoice_id
    group by invoices.invoice_id
)

select * from placed
where item_count <> 1
