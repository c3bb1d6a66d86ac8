-- Fails if, in any currency, the legs do not sum to what the invoices ask for, what Stripe received, or what went back.

with invoices as (
    select * from {{ ref('fct_invoices') }}
),

payment_intents as (
    select * from {{ ref('stg_stripe__payment_intents') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

returns as (
    select * from {{ ref('int_payment_returns') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

differences as (
    select
        'invoice' as side,
        currency,
        case when invoice_status in ('void', 'draft', 'uncollectible') then 0 else total_minor end as amount_minor
    from invoices
    union all
    select
        'credit' as side,
        currency,
        credited_minor as amount_minor
    from invoices
    union all
    select
        'settlement' as side,
        currency,
        settled_otherwise_minor as amount_minor
    from invoices
    union all
    select
        'payment' as side,
        payment_intents.currency,
        payment_intents.amount_received_minor as amount_minor
    from payment_intents
    cross join settings
    where
        payment_intents.payment_status = 'succeeded'
        and payment_intents.is_livemode = settings.is_livemode_expected
    union all
    select
        return_kind as side,
        currency,
        amount_minor
    from returns
    where is_counted and payment_intent_id is not null
    union all
    select
        side,
        currency,
        -amount_minor as amount_minor
    from legs
),

sums as (
    select
        side,
        currency,
        sum(amount_minor) as unexplained_minor
    from differences
    group by side, currency
)

select * from sums
where unexplained_minor <> 0
