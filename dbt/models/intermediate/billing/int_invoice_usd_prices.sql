{#- Rulings: docs/decisions/credits.md#credits-7 -#}
{{ config(materialized = 'table') }}

-- One row per gateway invoice in another currency than USD whose payments Stripe settled in USD: its net amount in USD,
-- in picodollars. A payment is worth its gross balance movement; a part of it in proportion. The paid net is in
-- proportion to the invoice's net and total.

with payments as (
    select * from {{ ref('int_payments_netted') }}
    where received_minor > 0
),

settlements as (
    select * from {{ ref('int_payment_settlements') }}
    where object_kind = 'payment' and status in ('settled', 'pending', 'currency_converted')
),

invoices as (
    select * from {{ ref('stg_infery__invoices') }}
    where currency <> 'usd'
),

settled_in_usd as (
    select
        payment_intent_id,
        sum(amount_minor) as paid_minor,
        sum(gross_minor) as gross_cents
    from settlements
    group by payment_intent_id
    having min(settled_currency) = 'usd' and max(settled_currency) = 'usd'
),

parts as (
    select
        payments.invoice_id,
        payments.currency,
        payments.received_minor,
        {{ rounded_share('payments.received_minor', 'settled_in_usd.gross_cents * 10000000000', 'settled_in_usd.paid_minor') }}
            as received_pico
    from payments
    left join settled_in_usd
        on
            payments.payment_intent_id = settled_in_usd.payment_intent_id
            and payments.amount_received_minor = settled_in_usd.paid_minor
),

paid as (
    select
        invoice_id,
        currency,
        sum(received_minor) as received_minor,
        sum(received_pico) as received_pico
    from parts
    group by invoice_id, currency
    having count(*) = count(received_pico)
),

prices as (
    select
        invoices.invoice_id,
        cast({{ rounded_share('invoices.net_minor', 'paid.received_pico', 'paid.received_minor') }} as decimal(38, 0))
            as net_usd_pico
    from invoices
    inner join paid on invoices.invoice_id = paid.invoice_id and invoices.currency = paid.currency
)

select * from prices
