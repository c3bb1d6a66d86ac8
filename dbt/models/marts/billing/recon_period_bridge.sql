-- One row per month and currency: the way from what was invoiced in a month to what was received in it. Every part is in
-- exactly one column, so the columns sum to the money; what was received is taken from the payments themselves.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
),

return_parts as (
    select * from {{ ref('int_payment_return_parts') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

-- Money in another currency does not pay the invoice.
paid as (
    select
        payments.item_id,
        payments.currency,
        payments.received_minor,
        cast(date_trunc('month', payments.created_at) as date) as paid_month,
        cast(date_trunc('month', invoices.issued_at) as date) as issued_month,
        invoices.invoice_id is not null as is_invoiced
    from payments
    left join invoices on payments.invoice_id = invoices.invoice_id and payments.currency = invoices.currency
),

paid_by_item as (
    select
        item_id,
        sum(case when paid_month = issued_month then received_minor else 0 end) as in_month_minor,
        sum(case when paid_month <> issued_month then received_minor else 0 end) as in_other_months_minor
    from paid
    where is_invoiced
    group by item_id
),

asked as (
    select
        cast(date_trunc('month', invoices.issued_at) as date) as period_month,
        invoices.currency,
        items.status,
        invoices.live_minor,
        invoices.credited_minor,
        invoices.settled_otherwise_minor,
        coalesce(paid_by_item.in_other_months_minor, 0) as in_other_months_minor,
        invoices.payable_minor - coalesce(paid_by_item.in_month_minor, 0) - coalesce(paid_by_item.in_other_months_minor, 0)
            as open_minor
    from invoices
    inner join items on invoices.invoice_id = items.invoice_id
    left join paid_by_item on items.item_id = paid_by_item.item_id
),

returned as (
    select
        cast(date_trunc('month', returns.created_at) as date) as period_month,
        return_parts.currency,
        return_parts.return_kind,
        return_parts.amount_minor
    from return_parts
    inner join returns on return_parts.return_kind = returns.return_kind and return_parts.return_id = returns.return_id
    where return_parts.is_counted
),

-- One row per part, in the column it belongs to; what lowers the money is negative.
parts as (
    select
        period_month,
        currency,
        'invoiced' as part,
        live_minor as amount_minor
    from asked
    union all
    select
        period_month,
        currency,
        'credited' as part,
        -credited_minor as amount_minor
    from asked
    union all
    select
        period_month,
        currency,
        'settled_otherwise' as part,
        -settled_otherwise_minor as amount_minor
    from asked
    union all
    select
        period_month,
        currency,
        'paid_in_other_months' as part,
        -in_other_months_minor as amount_minor
    from asked
    union all
    select
        period_month,
        currency,
        case
            when open_minor < 0 then 'overpaid'
            when status in ('in_flight', 'timing_difference') then 'timing'
            else 'unpaid'
        end as part,
        -open_minor as amount_minor
    from asked
    union all
    select
        paid_month as period_month,
        currency,
        case when is_invoiced then 'paid_for_other_months' else 'without_invoice' end as part,
        received_minor as amount_minor
    from paid
    where not is_invoiced or paid_month <> issued_month
    union all
    select
        period_month,
        currency,
        case when return_kind = 'refund' then 'refunded' else 'disputed' end as part,
        -amount_minor as amount_minor
    from returned
    union all
    select
        paid_month as period_month,
        currency,
        'received' as part,
        received_minor as amount_minor
    from paid
    union all
    select
        period_month,
        currency,
        'received' as part,
        -amount_minor as amount_minor
    from returned
),

bridged as (
    select
        period_month,
        currency,
        {% for part in bridge_parts() + ['received'] -%}
            cast(sum(case when part = '{{ part }}' then amount_minor else 0 end) as bigint) as {{ part }}_minor{{ ',' if not loop.last }}
        {% endfor %}
    from parts
    group by period_month, currency
)

select * from bridged
