{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-3 -#}
-- Fails if, in any currency, the differences do not sum to what was received less what was payable.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

sums as (
    select
        currency,
        sum(difference_minor) as difference_minor,
        sum(received_minor) - sum(payable_minor) as received_less_payable_minor
    from items
    where difference_minor is not null
    group by currency
)

select * from sums
where difference_minor <> received_less_payable_minor
