-- FOCUS: the billed cost of an invoice MUST be its payable amount, in both datasets.
-- noqa: disable=capitalisation.identifiers
with payable as (
    select
        invoice_id,
        payable_amount
    from {{ ref('fct_invoices') }}
),

charges as (
    select
        InvoiceId as invoice_id,
        sum(BilledCost) as billed_cost
    from {{ ref('focus_cost_and_usage') }}
    where InvoiceId is not null
    group by InvoiceId
),

lines as (
    select
        InvoiceId as invoice_id,
        sum(BilledCost) as billed_cost
    from {{ ref('focus_invoice_detail') }}
    group by InvoiceId
)

select payable.invoice_id
from payable
left join charges on payable.invoice_id = charges.invoice_id
left join lines on payable.invoice_id = lines.invoice_id
where
    payable.payable_amount != coalesce(charges.billed_cost, 0)
    or payable.payable_amount is distinct from lines.billed_cost
