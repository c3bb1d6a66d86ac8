-- Fails if the parts of a month do not sum to its money, or the months do not sum to what was invoiced and received.

with bridge as (
    select * from {{ ref('recon_period_bridge') }}
),

invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
),

differences as (
    select
        'bridge' as measure,
        currency,
        {% for part in bridge_parts() %}{{ part }}_minor + {% endfor %}-received_minor as amount_minor
    from bridge
    union all
    select
        'invoiced' as measure,
        currency,
        invoiced_minor as amount_minor
    from bridge
    union all
    select
        'invoiced' as measure,
        currency,
        -live_minor as amount_minor
    from invoices
    union all
    select
        'received' as measure,
        currency,
        received_minor as amount_minor
    from bridge
    union all
    select
        'received' as measure,
        currency,
        -net_minor as amount_minor
    from payments
),

sums as (
    select
        measure,
        currency,
        sum(amount_minor) as unexplained_minor,
        max(case when measure = 'bridge' then abs(amount_minor) else 0 end) as largest_gap_minor
    from differences
    group by measure, currency
)

select * from sums
where unexplained_minor <> 0 or largest_gap_minor <> 0
