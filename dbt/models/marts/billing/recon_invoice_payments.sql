{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-4 -#}
-- One row per reconciliation item and exactly one status: the first condition that holds decides.
-- Identity comes before amount, what makes amounts incomparable comes first, and explanations come before gaps.

with items as (
    select * from {{ ref('int_reconciliation_items') }}
),

compared as (
    select
        items.*,
        paid_count = 0 as is_nothing_received,
        received_minor - payable_minor as difference_minor
    from items
),

classified as (
    select
        compared.*,
        case
            when has_other_mode then 'livemode_mismatch'
            when
                has_invoice and is_nothing_received
                and invoice_status in ('void', 'draft', 'uncollectible') then 'not_payable'
            when not has_invoice and is_nothing_received then 'no_money_moved'
            when owed_minor = 0 and is_nothing_received then 'zero_amount'
            when is_settled_otherwise and is_nothing_received then 'settled_without_payment'
            when not has_invoice then 'missing_invoice'
            when has_several_currencies then 'currency_mismatch'
            when has_other_workspace or has_other_invoice then 'metadata_conflict'
            when
                paid_count > 1
                and received_minor > payable_minor + tolerance_minor
                and received_minor - largest_received_minor >= payable_minor - tolerance_minor then 'duplicate_charge'
            when disputed_minor > 0 then 'disputed'
            when refunded_minor > 0 and refunded_minor >= received_minor then 'refunded'
            when refunded_minor > 0 then 'partially_refunded'
            when is_nothing_received and has_in_flight then 'in_flight'
            when is_nothing_received and age_days <= invoice_grace_days then 'timing_difference'
            when is_nothing_received and has_failed_attempts then 'payment_failed'
            when is_nothing_received then 'missing_in_stripe'
            when abs(difference_minor) > tolerance_minor then 'amount_mismatch'
            when difference_minor <> 0 then 'matched_with_tolerance'
            when is_metadata_missing then 'matched_metadata_missing'
            else 'matched'
        end as status
    from compared
),

-- Sums of different currencies mean nothing, so an item that mixes them shows none.
comparable as (
    select
        classified.*,
        case when not has_several_paid_currencies then received_minor end as comparable_received_minor,
        case when not has_several_paid_currencies then refunded_minor end as comparable_refunded_minor,
        case when not has_several_paid_currencies then disputed_minor end as comparable_disputed_minor,
        case when not has_several_currencies then difference_minor end as comparable_difference_minor
    from classified
),

final as (
    select
        ---------- ids
        item_id,
        status,
        case
            when status = 'amount_mismatch' and difference_minor > 0 then 'overpaid'
            when status = 'amount_mismatch' then 'underpaid'
            when status = 'metadata_conflict' and has_other_workspace and has_other_invoice
                then 'other_workspace_and_invoice'
            when status = 'metadata_conflict' and has_other_workspace then 'other_workspace'
            when status = 'metadata_conflict' then 'other_invoice'
            when status = 'settled_without_payment' then settled_by
        end as status_reason,
        workspace_id,
        invoice_id,
        payment_intent_id,
        match_methods,

        ---------- what it is about
        invoice_kind,
        invoice_status,
        issued_at,
        first_created_at as payment_created_at,
        age_days,
        watermark_date,

        ---------- money, minor units
        currency,
        paid_currency,
        invoiced_minor,
        credited_minor,
        settled_otherwise_minor,
        payable_minor,
        comparable_received_minor as received_minor,
        comparable_refunded_minor as refunded_minor,
        comparable_disputed_minor as disputed_minor,
        comparable_difference_minor as difference_minor,
        tolerance_minor,

        ---------- money, for reading
        {{ major_amount('payable_minor', 'major_per_minor') }} as payable_amount,
        {{ major_amount('comparable_received_minor', 'paid_major_per_minor') }} as received_amount,
        {{ major_amount('comparable_refunded_minor', 'paid_major_per_minor') }} as refunded_amount,
        {{ major_amount('comparable_disputed_minor', 'paid_major_per_minor') }} as disputed_amount,
        {{ major_amount('comparable_difference_minor', 'major_per_minor') }} as difference_amount,

        ---------- flags
        payment_count,
        paid_count,
        is_cross_period,
        is_metadata_missing,
        has_metadata_disagreement,
        is_ambiguous_link,
        has_split_payment,
        paid_count > 1 as has_multiple_payments,
        has_failed_attempts,
        refunded_minor > 0 as has_refund,
        disputed_minor > 0 as has_dispute,
        credited_minor > 0 as has_credit_note
    from comparable
)

select * from final
