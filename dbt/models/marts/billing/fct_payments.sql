-- One row per Stripe payment intent, net of what was refunded or is disputed.

with parts as (
    select * from {{ ref('int_payments_netted') }}
),

totals as (
    select
        payment_intent_id,
        cast(sum(received_minor) as bigint) as whole_received_minor,
        cast(sum(refunded_minor) as bigint) as whole_refunded_minor,
        cast(sum(disputed_minor) as bigint) as whole_disputed_minor,
        cast(sum(net_minor) as bigint) as whole_net_minor
    from parts
    group by payment_intent_id
),

settlements as (
    select * from {{ ref('int_payment_settlements') }}
),

-- Fees in two currencies have no sum, and payments of the other mode do not reach this balance.
settled as (
    select
        payment_intent_id,
        case when count(distinct settled_currency) = 1 then min(settled_currency) end as settled_currency,
        case when count(distinct settled_currency) = 1 then cast(sum(fee_minor) as bigint) end as fee_minor,
        case when count(distinct settled_currency) = 1 then cast(sum(settled_net_minor) as bigint) end as settled_net_minor
    from settlements
    where payment_intent_id is not null and status <> 'livemode_mismatch'
    group by payment_intent_id
),

payments as (
    select
        parts.*,
        settled.settled_currency,
        settled.fee_minor,
        settled.settled_net_minor,
        totals.whole_received_minor,
        totals.whole_refunded_minor,
        totals.whole_disputed_minor,
        totals.whole_net_minor
    from parts
    inner join totals on parts.payment_intent_id = totals.payment_intent_id
    left join settled on parts.payment_intent_id = settled.payment_intent_id
    where parts.part_rank = 1
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

with_scale as (
    select
        payments.*,
        {{ major_per_minor('currencies.exponent') }} as major_per_minor
    from payments
    left join currencies on payments.currency = currencies.currency
),

final as (
    select
        ---------- ids
        payment_intent_id,
        source,
        item_id,
        invoice_id,
        part_count as item_count,
        match_methods,
        metadata_workspace_id,
        metadata_invoice_id,
        customer_id,
        latest_charge_id,

        ---------- state
        payment_status,
        is_livemode,
        is_other_mode,

        ---------- money, minor units
        currency,
        amount_minor,
        amount_received_minor,
        whole_received_minor as received_minor,
        whole_refunded_minor as refunded_minor,
        whole_disputed_minor as disputed_minor,
        whole_net_minor as net_minor,

        ---------- what reached the balance, minor units of its currency
        settled_currency,
        fee_minor,
        settled_net_minor,

        ---------- money, for reading
        {{ major_amount('whole_received_minor', 'major_per_minor') }} as received_amount,
        {{ major_amount('whole_refunded_minor', 'major_per_minor') }} as refunded_amount,
        {{ major_amount('whole_disputed_minor', 'major_per_minor') }} as disputed_amount,
        {{ major_amount('whole_net_minor', 'major_per_minor') }} as net_amount,

        ---------- timestamps
        created_at,
        fetched_at
    from with_scale
)

select * from final
