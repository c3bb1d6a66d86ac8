{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-7 -#}
{{ config(materialized = 'table') }}

-- One row per thing that moves money at Stripe and currency it settled in: a charge that took money, a refund, a dispute, and
-- whatever else moved the balance. Every movement of the balance is in exactly one row.

with payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

charges as (
    select * from {{ ref('stg_stripe__charges') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

refunds as (
    select * from {{ ref('stg_stripe__refunds') }}
),

balance_transactions as (
    select * from {{ ref('stg_stripe__balance_transactions') }}
),

payments as (
    select * from {{ ref('int_payments_netted') }}
    where part_rank = 1
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

-- A succeeded intent whose charges were never fetched still names the one that took its money.
charged as (
    select
        'payment' as object_kind,
        charges.charge_id as object_id,
        charges.payment_intent_id,
        charges.currency,
        charges.amount_captured_minor as amount_minor,
        charges.is_livemode <> settings.is_livemode_expected as is_other_mode,
        charges.created_at
    from charges
    cross join settings
    where charges.charge_status = 'succeeded' and charges.amount_captured_minor <> 0
    union all
    select
        'payment' as object_kind,
        coalesce(payment_intents.latest_charge_id, payment_intents.payment_intent_id) as object_id,
        payment_intents.payment_intent_id,
        payment_intents.currency,
        payment_intents.amount_received_minor as amount_minor,
        payment_intents.is_livemode <> settings.is_livemode_expected as is_other_mode,
        payment_intents.created_at
    from payment_intents
    cross join settings
    left join charges
        on
            payment_intents.payment_intent_id = charges.payment_intent_id
            and charges.charge_status = 'succeeded'
    where
        payment_intents.payment_status = 'succeeded'
        and payment_intents.amount_received_minor <> 0
        and charges.charge_id is null
),

objects as (
    select * from charged
    union all
    select
        return_kind as object_kind,
        return_id as object_id,
        payment_intent_id,
        currency,
        case
            when not is_counted then 0
            -- An inquiry takes no money until it becomes a dispute.
            when return_status like 'warning%' then 0
            else -amount_minor
        end as amount_minor,
        is_other_mode,
        created_at
    from returns
),

-- A movement names what it is about; charges and refunds name their movement as well.
attributed as (
    select
        balance_transactions.*,
        coalesce(
            charges.charge_id, refunds.refund_id, balance_transactions.object_id, balance_transactions.balance_transaction_id
        ) as moved_object_id
    from balance_transactions
    left join charges on balance_transactions.balance_transaction_id = charges.balance_transaction_id
    left join refunds on balance_transactions.balance_transaction_id = refunds.balance_transaction_id
),

movements as (
    select
        moved_object_id as object_id,
        currency as settled_currency,
        min(transaction_type) as transaction_type,
        cast(count(*) as bigint) as transaction_count,
        cast(sum(amount_minor) as bigint) as gross_minor,
        cast(sum(fee_minor) as bigint) as fee_minor,
        cast(sum(net_minor) as bigint) as settled_net_minor,
        max(exchange_rate) as exchange_rate,
        max(case when transaction_status = 'available' then 0 else 1 end) = 1 as is_pending,
        min(created_at) as moved_at,
        max(available_at) as available_at
    from attributed
    group by moved_object_id, currency
),

joined as (
    select
        coalesce(
            objects.object_kind,
            case
                when movements.transaction_type in ('charge', 'payment') then 'payment'
                when movements.transaction_type in ('refund', 'payment_refund') then 'refund'
                when movements.transaction_type like 'payout%' then 'payout'
                else 'other'
            end
        ) as object_kind,
        coalesce(objects.object_id, movements.object_id) as object_id,
        objects.object_id is not null as is_known_object,
        coalesce(objects.is_other_mode, false) as is_other_mode,
        objects.payment_intent_id,
        objects.currency,
        coalesce(objects.amount_minor, 0) as amount_minor,
        coalesce(objects.created_at, movements.moved_at) as created_at,
        movements.object_id is not null as has_movement,
        movements.settled_currency,
        coalesce(movements.transaction_count, 0) as transaction_count,
        movements.gross_minor,
        movements.fee_minor,
        movements.settled_net_minor,
        movements.exchange_rate,
        coalesce(movements.is_pending, false) as is_pending,
        movements.available_at
    from objects
    full outer join movements on objects.object_id = movements.object_id
),

-- A rate is between major units: 10.00 eur at 1.234 are 12.34 usd, 1000 jpy at 0.0067 are 6.70 usd.
measured as (
    select
        joined.*,
        case
            when joined.currency = joined.settled_currency then joined.amount_minor
            else
                cast(
                    round(
                        cast(
                            {{ major_amount('joined.amount_minor', major_per_minor('currencies.exponent')) }}
                            * cast(joined.exchange_rate as decimal(14, 9)) as decimal(28, 8)
                        ) * {{ minor_per_major('settled_currencies.exponent') }},
                        0
                    ) as bigint
                )
        end as expected_gross_minor,
        case
            when joined.currency is null
                then {{ major_amount('joined.gross_minor', major_per_minor('settled_currencies.exponent')) }}
            else {{ major_amount('joined.amount_minor', major_per_minor('currencies.exponent')) }}
        end as amount,
        cast({{ dbt.datediff('cast(joined.created_at as date)', 'settings.watermark_date', 'day') }} as bigint) as age_days,
        settings.invoice_grace_days
    from joined
    cross join settings
    left join currencies on joined.currency = currencies.currency
    left join currencies as settled_currencies on joined.settled_currency = settled_currencies.currency
),

classified as (
    select
        measured.*,
        case
            -- Objects of the other mode move another balance, even if a home has both.
            when is_other_mode then 'livemode_mismatch'
            when not is_known_object and object_kind in ('payment', 'refund') then 'unknown_object'
            when not has_movement and amount_minor = 0 then 'no_money_moved'
            when not has_movement and age_days <= invoice_grace_days then 'pending'
            when not has_movement then 'missing_balance_transaction'
            when settled_net_minor <> gross_minor - fee_minor then 'net_mismatch'
            when
                currency <> settled_currency
                and (expected_gross_minor is null or abs(gross_minor - expected_gross_minor) <= transaction_count)
                then 'currency_converted'
            when gross_minor <> expected_gross_minor then 'amount_mismatch'
            when is_pending then 'pending'
            else 'settled'
        end as status
    from measured
),

final as (
    select
        ---------- ids
        concat_ws('|', classified.object_id, classified.settled_currency) as settlement_id,
        classified.object_kind,
        classified.object_id,
        classified.payment_intent_id,
        payments.item_id,
        payments.invoice_id,
        classified.status,

        ---------- money, for reading
        classified.amount,

        ---------- money of the object, minor units
        classified.currency,
        classified.amount_minor,

        ---------- money of the balance, minor units
        classified.settled_currency,
        classified.expected_gross_minor,
        classified.gross_minor,
        classified.fee_minor,
        classified.settled_net_minor,
        classified.gross_minor - classified.expected_gross_minor as difference_minor,
        classified.exchange_rate,
        classified.transaction_count,

        ---------- time
        classified.created_at,
        classified.available_at,
        classified.age_days
    from classified
    left join payments on classified.payment_intent_id = payments.payment_intent_id
)

select * from final
