{{ config(materialized = 'table') }}

-- One row per reconciliation item: an invoice with every intent it owns, or an intent that no invoice owns.
-- Facts only; what they mean is decided in recon_invoice_payments.

with invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
),

edges as (
    select * from {{ ref('int_invoice_payment_edges') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

invoice_sides as (
    select
        concat('inv:', invoice_id) as item_id,
        invoice_id,
        source as invoice_source,
        workspace_id,
        invoice_kind,
        invoice_status,
        issued_at,
        currency,
        stripe_invoice_id,
        payment_intent_id as named_intent_id,
        total_minor as invoiced_minor,
        credited_minor,
        owed_minor,
        settled_otherwise_minor,
        payable_minor,
        settled_by,
        has_document,
        is_paid_document,
        is_document_of_another,
        is_asked_of_intent,
        is_paid_by_intent
    from invoices
),

invoices_named as (
    select payment_intent_id
    from payments
    where part_count > 1 and metadata_invoice_id = invoice_id
),

payments_beside_invoices as (
    select
        payments.*,
        coalesce(payments.metadata_workspace_id <> invoice_sides.workspace_id, false) as is_other_workspace,
        -- An intent that pays several invoices can name one of them only.
        coalesce(payments.metadata_invoice_id <> invoice_sides.invoice_id, false)
        and invoices_named.payment_intent_id is null as is_other_invoice,
        payments.received_minor > 0 and payments.is_metadata_missing as is_paid_without_metadata,
        case when payments.is_in_flight then payments.created_at end as in_flight_since,
        row_number() over (
            partition by payments.item_id
            order by
                payments.received_minor desc,
                payments.link_priority asc nulls last,
                payments.payment_intent_id asc
        ) as payment_rank
    from payments
    left join invoice_sides on payments.item_id = invoice_sides.item_id
    left join invoices_named on payments.payment_intent_id = invoices_named.payment_intent_id
),

payment_sides as (
    select
        item_id,
        max(case when payment_rank = 1 then payment_intent_id end) as payment_intent_id,
        min(metadata_workspace_id) as metadata_workspace_id,
        min(created_at) as first_created_at,
        min(case when received_minor > 0 then created_at end) as first_paid_created_at,
        max(case when received_minor > 0 then created_at end) as last_paid_created_at,
        min(case when received_minor > 0 then currency end) as lowest_paid_currency,
        max(case when received_minor > 0 then currency end) as highest_paid_currency,
        min(currency) as lowest_currency,
        concat_ws(
            ',',
            max(case when match_methods like '%payment_intent%' then 'payment_intent' end),
            max(case when match_methods like '%stripe_invoice%' then 'stripe_invoice' end),
            max(case when match_methods like '%metadata%' then 'metadata' end)
        ) as match_methods,
        cast(count(*) as bigint) as payment_count,
        cast(sum(case when received_minor > 0 then 1 else 0 end) as bigint) as paid_count,
        cast(sum(received_minor) as bigint) as received_minor,
        cast(max(received_minor) as bigint) as largest_received_minor,
        cast(sum(refunded_minor) as bigint) as refunded_minor,
        cast(sum(disputed_minor) as bigint) as disputed_minor,
        max(case when is_other_mode then 1 else 0 end) = 1 as has_other_mode,
        max(in_flight_since) as in_flight_since,
        max(case when is_failed_attempt then 1 else 0 end) = 1 as has_failed_attempts,
        max(case when is_other_workspace then 1 else 0 end) = 1 as has_other_workspace,
        max(case when is_other_invoice then 1 else 0 end) = 1 as has_other_invoice,
        max(case when is_paid_without_metadata then 1 else 0 end) = 1 as is_metadata_missing,
        max(case when has_metadata_disagreement then 1 else 0 end) = 1 as has_metadata_disagreement,
        max(case when part_count > 1 then 1 else 0 end) = 1 as has_split_payment
    from payments_beside_invoices
    group by item_id
),

-- A link counts as ambiguous on both ends: on the invoice that got the intent and on the one that did not.
ambiguous_items as (
    select distinct concat('inv:', edges.invoice_id) as item_id
    from edges
    inner join payments on edges.payment_intent_id = payments.payment_intent_id
    where payments.is_ambiguous_link
),

item_ids as (
    select item_id from invoice_sides
    union
    select item_id from payment_sides
),

joined as (
    select
        item_ids.item_id,
        invoice_sides.invoice_id is not null as has_invoice,
        invoice_sides.invoice_id,
        invoice_sides.invoice_source,
        invoice_sides.invoice_kind,
        invoice_sides.invoice_status,
        invoice_sides.stripe_invoice_id,
        coalesce(invoice_sides.named_intent_id, payment_sides.payment_intent_id) as payment_intent_id,
        invoice_sides.named_intent_id,
        invoice_sides.settled_by,
        coalesce(invoice_sides.has_document, false) as has_document,
        coalesce(invoice_sides.is_paid_document, false) as is_paid_document,
        coalesce(invoice_sides.is_document_of_another, false) as is_document_of_another,
        coalesce(invoice_sides.is_asked_of_intent, false) as is_asked_of_intent,
        coalesce(invoice_sides.is_paid_by_intent, false) as is_paid_by_intent,
        coalesce(invoice_sides.workspace_id, payment_sides.metadata_workspace_id) as workspace_id,
        nullif(payment_sides.match_methods, '') as match_methods,

        ---------- time
        invoice_sides.issued_at,
        payment_sides.first_created_at,
        cast(coalesce(invoice_sides.issued_at, payment_sides.first_created_at) as date) as item_date,

        ---------- money
        invoice_sides.currency as invoice_currency,
        case
            when payment_sides.lowest_paid_currency = payment_sides.highest_paid_currency
                then payment_sides.lowest_paid_currency
        end as paid_currency,
        coalesce(invoice_sides.currency, payment_sides.lowest_paid_currency, payment_sides.lowest_currency)
            as currency,
        coalesce(payment_sides.lowest_paid_currency <> payment_sides.highest_paid_currency, false)
            as has_several_paid_currencies,
        coalesce(
            payment_sides.lowest_paid_currency <> payment_sides.highest_paid_currency
            or payment_sides.lowest_paid_currency <> invoice_sides.currency,
            false
        ) as has_several_currencies,
        coalesce(invoice_sides.invoiced_minor, 0) as invoiced_minor,
        coalesce(invoice_sides.credited_minor, 0) as credited_minor,
        coalesce(invoice_sides.owed_minor, 0) as owed_minor,
        coalesce(invoice_sides.settled_otherwise_minor, 0) as settled_otherwise_minor,
        coalesce(invoice_sides.payable_minor, 0) as payable_minor,
        coalesce(payment_sides.received_minor, 0) as received_minor,
        coalesce(payment_sides.largest_received_minor, 0) as largest_received_minor,
        coalesce(payment_sides.refunded_minor, 0) as refunded_minor,
        coalesce(payment_sides.disputed_minor, 0) as disputed_minor,

        ---------- what is known about its payments
        coalesce(payment_sides.payment_count, 0) as payment_count,
        coalesce(payment_sides.paid_count, 0) as paid_count,
        coalesce(payment_sides.has_other_mode, false) as has_other_mode,
        payment_sides.in_flight_since,
        coalesce(payment_sides.has_failed_attempts, false) as has_failed_attempts,
        coalesce(payment_sides.has_other_workspace, false) as has_other_workspace,
        coalesce(payment_sides.has_other_invoice, false) as has_other_invoice,
        coalesce(payment_sides.is_metadata_missing, false) as is_metadata_missing,
        coalesce(payment_sides.has_metadata_disagreement, false) as has_metadata_disagreement,
        coalesce(payment_sides.has_split_payment, false) as has_split_payment,
        ambiguous_items.item_id is not null as is_ambiguous_link,
        coalesce(
            cast(date_trunc('month', payment_sides.first_paid_created_at) as date)
            <> cast(date_trunc('month', invoice_sides.issued_at) as date)
            or cast(date_trunc('month', payment_sides.last_paid_created_at) as date)
            <> cast(date_trunc('month', invoice_sides.issued_at) as date),
            false
        ) as is_cross_period
    from item_ids
    left join invoice_sides on item_ids.item_id = invoice_sides.item_id
    left join payment_sides on item_ids.item_id = payment_sides.item_id
    left join ambiguous_items on item_ids.item_id = ambiguous_items.item_id
),

measured as (
    select
        joined.*,
        coalesce(currencies.tolerance_minor, 0) as tolerance_minor,
        {{ major_per_minor('currencies.exponent') }} as major_per_minor,
        {{ major_per_minor('paid_currencies.exponent') }} as paid_major_per_minor,
        settings.watermark_date,
        settings.invoice_grace_days,
        -- No payment is expected if Stripe's invoice is paid without an intent. Without Stripe's invoice the gateway's
        -- status counts, as long as it names no intent either, and not the Stripe invoice that settles another.
        case
            when joined.is_paid_by_intent then false
            when joined.settled_by is not null and joined.payable_minor <= coalesce(currencies.tolerance_minor, 0)
                then joined.is_paid_document
            when joined.has_document then joined.is_paid_document and joined.named_intent_id is null and joined.payment_count = 0
            else
                joined.invoice_status = 'paid' and joined.stripe_invoice_id is not null and not joined.is_asked_of_intent
                and joined.named_intent_id is null and joined.payment_count = 0 and not joined.is_document_of_another
        end as is_settled_otherwise,
        -- A payment that has been in flight for too long is no longer in flight.
        coalesce(
            {{ dbt.datediff('joined.in_flight_since', 'settings.watermark_date', 'day') }} <= settings.payment_in_flight_days,
            false
        ) as has_in_flight,
        cast({{ dbt.datediff('joined.item_date', 'settings.watermark_date', 'day') }} as bigint) as age_days
    from joined
    cross join settings
    left join currencies on joined.currency = currencies.currency
    left join currencies as paid_currencies on joined.paid_currency = paid_currencies.currency
)

select * from measured
