{{ config(materialized = 'table') }}

-- One row per lot of credits and per draw on a wallet, numbered: the input of the ledger. It ends with the last day
-- delivered or used; rows dated later are left out.

with grants as (
    select * from {{ ref('int_credit_grants') }}
),

usage as (
    select * from {{ ref('int_credit_usage') }}
),

files as (
    select * from {{ ref('stg_raw__files') }}
),

settings as (
    select * from {{ ref('stg_config__credit_settings') }}
),

days as (
    select event_date as seen_date from usage
    union all
    select delivered_on as seen_date from files
),

horizon as (
    select cast(max(seen_date) as timestamp) + interval 1 day as until_at
    from days
),

sole_wallets as (
    select * from {{ ref('int_credit_sole_wallets') }}
),

owned_usage as (
    select
        usage.*,
        {{ credit_wallet('usage.wallet_key') }} as wallet_id
    from usage
    left join sole_wallets on usage.source = sole_wallets.source
),

wallet_usage as (
    select
        source,
        wallet_id,
        min(unit) as unit,
        starts_at,
        cast(sum(requests) as bigint) as requests,
        try_cast(sum(used) * 1000000 as bigint) as used_micro,
        try_cast(sum(returned) * 1000000 as bigint) as returned_micro
    from owned_usage
    group by source, wallet_id, starts_at
),

movements as (
    select
        case when amount_micro > 0 then grant_kind else 'correction' end as movement_kind,
        grant_id as movement_id,
        source,
        wallet_id,
        unit,
        amount_micro > 0 as is_lot,
        grant_kind = 'adjustment' as is_correction,
        granted_at as moved_at,
        abs(amount_micro) as amount_micro,
        cast(0 as bigint) as requests,
        priority,
        expires_at,
        price_pico,
        price_usd_pico,
        currency,
        invoice_id,
        raw_file,
        raw_line
    from grants
    union all
    select
        'usage' as movement_kind,
        concat_ws(':', 'usage', source, wallet_id, epoch_us(starts_at)) as movement_id,
        source,
        wallet_id,
        unit,
        false as is_lot,
        false as is_correction,
        starts_at as moved_at,
        used_micro as amount_micro,
        requests,
        cast(null as bigint) as priority,
        cast(null as timestamp) as expires_at,
        cast(null as decimal(38, 0)) as price_pico,
        cast(null as decimal(38, 0)) as price_usd_pico,
        cast(null as varchar) as currency,
        cast(null as varchar) as invoice_id,
        cast(null as varchar) as raw_file,
        cast(null as bigint) as raw_line
    from wallet_usage
    where used_micro > 0
    union all
    -- A refund of a call is a lot from the beginning of its stretch, without expiry and without cost.
    select
        'refund' as movement_kind,
        concat_ws(':', 'refund', source, wallet_id, epoch_us(starts_at)) as movement_id,
        source,
        wallet_id,
        unit,
        true as is_lot,
        true as is_correction,
        starts_at as moved_at,
        returned_micro as amount_micro,
        requests,
        cast(0 as bigint) as priority,
        cast(null as timestamp) as expires_at,
        cast(null as decimal(38, 0)) as price_pico,
        cast(null as decimal(38, 0)) as price_usd_pico,
        cast(null as varchar) as currency,
        cast(null as varchar) as invoice_id,
        cast(null as varchar) as raw_file,
        cast(null as bigint) as raw_line
    from wallet_usage
    where returned_micro > 0
),

numbered as (
    select
        dense_rank() over (order by movements.source, movements.wallet_id) as wallet_no,
        row_number() over (
            order by movements.source, movements.wallet_id, movements.moved_at, movements.movement_id
        ) as movement_no,
        movements.*,
        coalesce(settings.burn_order, 'priority,expiry,granted') as burn_order,
        epoch_us(movements.moved_at) as at_us,
        epoch_us(movements.expires_at) as expires_at_us,
        horizon.until_at,
        epoch_us(horizon.until_at) as until_us
    from movements
    cross join horizon
    left join settings on movements.source = settings.source
    where movements.moved_at < horizon.until_at
)

select * from numbered
