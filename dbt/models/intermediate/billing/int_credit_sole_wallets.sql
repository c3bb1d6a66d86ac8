-- The wallet of a source in which only one has received credits: usage without a wallet belongs to it.
with grants as (
    select * from {{ ref('int_credit_grants') }}
),

sole_wallets as (
    select
        source,
        min(wallet_id) as wallet_id
    from grants
    group by source
    having min(wallet_id) = max(wallet_id)
)

select * from sole_wallets
