{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-2 -#}
{{ config(materialized = 'table') }}

-- One row per refund or dispute and item it takes money from. The refund of a credit note is its invoice's; of any other
-- every part of the intent has its share, rounded so that the shares sum to the whole.

with returns as (
    select * from {{ ref('int_payment_returns') }}
),

parts as (
    select * from {{ ref('int_payment_parts') }}
),

credit_notes as (
    select * from {{ ref('stg_stripe__credit_notes') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
),

credited_refunds as (
    select
        stripe_invoice_id,
        unnest(from_json(refunds, '[{"refund": "varchar"}]')) as credited
    from credit_notes
    where credit_note_status <> 'void'
),

refund_owners as (
    select
        credited_refunds.credited.refund as refund_id,
        min(stripe_invoice_links.invoice_id) as invoice_id
    from credited_refunds
    inner join stripe_invoice_links
        on credited_refunds.stripe_invoice_id = stripe_invoice_links.stripe_invoice_id and stripe_invoice_links.is_owner
    group by credited_refunds.credited.refund
),

candidates as (
    select
        returns.return_kind,
        returns.return_id,
        returns.is_counted,
        returns.currency,
        returns.amount_minor,
        parts.payment_intent_id,
        parts.item_id,
        parts.part_rank,
        parts.received_minor,
        coalesce(parts.invoice_id = refund_owners.invoice_id, false) as is_credited,
        max(case when parts.invoice_id = refund_owners.invoice_id then 1 else 0 end)
            over (partition by returns.return_kind, returns.return_id)
        = 1 as has_credited
    from returns
    inner join parts on returns.payment_intent_id = parts.payment_intent_id
    left join refund_owners on returns.return_kind = 'refund' and returns.return_id = refund_owners.refund_id
),

bearing as (
    select
        candidates.*,
        sum(received_minor) over (partition by return_kind, return_id) as whole_minor,
        sum(received_minor) over (
            partition by return_kind, return_id
            order by part_rank
            rows between unbounded preceding and current row
        ) as running_minor
    from candidates
    where is_credited or not has_credited
),

shared as (
    select
        return_kind,
        return_id,
        is_counted,
        currency,
        payment_intent_id,
        item_id,
        cast(
            case
                when has_credited then amount_minor
                when whole_minor = 0 then case when part_rank = 1 then amount_minor else 0 end
                else
                    cast(amount_minor as hugeint) * running_minor // whole_minor
                    - cast(amount_minor as hugeint) * (running_minor - received_minor) // whole_minor
            end as bigint
        ) as amount_minor
    from bearing
)

select * from shared
