-- One row per Stripe payment intent, net of what was refunded or is disputed.

with payments as (
    select * from {{ ref('int_payments_netted') }}
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
        received_minor,
        refunded_minor,
        disputed_minor,
        net_minor,

        ---------- money, for reading
        {{ major_amount('received_minor', 'major_per_minor') }} as received_amount,
        {{ major_amount('refunded_minor', 'major_per_minor') }} as refunded_amount,
        {{ major_amount('disputed_minor', 'major_per_minor') }} as disputed_amount,
        {{ major_amount('net_minor', 'major_per_minor') }} as net_amount,

        ---------- timestamps
        created_at,
        fetched_at
    from with_scale
)

select * from final
