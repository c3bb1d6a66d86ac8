{{ config(materialized = 'table') }}

-- One row per movement of the Stripe balance, as last fetched. Fees are positive, and net is amount less fee.

with balance_transactions as (
    select * from {{ latest_stripe_versions('balance_transaction') }}
),

renamed as (
    select
        ---------- ids
        balance_transaction_id,
        source,
        nullif(trim(source_id), '') as object_id,

        ---------- what it is
        lower(trim(type)) as transaction_type,
        lower(trim(reporting_category)) as reporting_category,
        lower(trim(status)) as transaction_status,

        ---------- money, minor units
        lower(trim(currency)) as currency,
        coalesce(amount, 0) as amount_minor,
        coalesce(fee, 0) as fee_minor,
        coalesce(net, 0) as net_minor,
        exchange_rate,

        ---------- timestamps
        created_at,
        available_on as available_at,
        fetched_at
    from balance_transactions
)

select * from renamed
