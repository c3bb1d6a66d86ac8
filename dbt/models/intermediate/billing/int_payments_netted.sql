{{ config(materialized = 'table') }}

-- One row per payment intent and item it belongs to: what it received and what was returned of it.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

payment_metadata as (
    select * from {{ ref('int_payment_metadata') }}
),

parts as (
    select * from {{ ref('int_payment_parts') }}
),

return_parts as (
    select * from {{ ref('int_payment_return_parts') }}
),

returned as (
    select
        payment_intent_id,
        item_id,
        cast(sum(case when return_kind = 'refund' and is_counted then amount_minor else 0 end) as bigint)
            as refunded_minor,
        cast(sum(case when return_kind = 'dispute' and is_counted then amount_minor else 0 end) as bigint)
            as disputed_minor
    from return_parts
    group by payment_intent_id, item_id
),

netted as (
    select
        payment_intents.payment_intent_id,
        payment_intents.source,
        payment_intents.customer_id,
        payment_intents.latest_charge_id,
        payment_intents.payment_status,
        payment_intents.is_livemode,
        payment_intents.currency,
        payment_intents.amount_minor,
        payment_intents.amount_received_minor,
        payment_intents.created_at,
        payment_intents.fetched_at,
        payment_metadata.metadata_workspace_id,
        payment_metadata.metadata_invoice_id,
        payment_metadata.is_metadata_missing,
        payment_metadata.has_metadata_disagreement,
        parts.item_id,
        parts.invoice_id,
        parts.link_priority,
        parts.match_methods,
        parts.part_rank,
        parts.part_count,
        parts.is_ambiguous_link,
        parts.is_other_mode,
        parts.received_minor,
        coalesce(returned.refunded_minor, 0) as refunded_minor,
        coalesce(returned.disputed_minor, 0) as disputed_minor,
        parts.received_minor - coalesce(returned.refunded_minor, 0) - coalesce(returned.disputed_minor, 0) as net_minor,
        payment_intents.payment_status in ('processing', 'requires_action', 'requires_capture', 'requires_confirmation')
            as is_in_flight,
        payment_intents.payment_status in ('canceled', 'requires_payment_method') as is_failed_attempt
    from payment_intents
    inner join payment_metadata on payment_intents.payment_intent_id = payment_metadata.payment_intent_id
    inner join parts on payment_intents.payment_intent_id = parts.payment_intent_id
    left join returned on parts.payment_intent_id = returned.payment_intent_id and parts.item_id = returned.item_id
)

select * from netted
