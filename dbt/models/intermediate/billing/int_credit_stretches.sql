{#- Rulings: docs/decisions/credits.md#credits-1 -#}
{{ config(materialized = 'table') }}

-- One row per wallet, day and stretch of it in which no credits start or expire. Usage within a stretch may be summed,
-- because the same lots are valid in the same order. A day without a row is one stretch. Usage without a wallet belongs
-- to the source's only wallet, if it has only one; its key is then empty.

with grants as (
    select * from {{ ref('int_credit_grants') }}
),

sole_wallets as (
    select * from {{ ref('int_credit_sole_wallets') }}
),

instants as (
    select
        source,
        wallet_id,
        granted_at as changes_at
    from grants
    union distinct
    select
        source,
        wallet_id,
        expires_at as changes_at
    from grants
    where expires_at is not null
),

starts as (
    select
        source,
        wallet_id,
        cast(changes_at as date) as event_date,
        changes_at as starts_at
    from instants
    where changes_at > cast(cast(changes_at as date) as timestamp)
),

with_midnights as (
    select * from starts
    union distinct
    select
        source,
        wallet_id,
        event_date,
        cast(event_date as timestamp) as starts_at
    from starts
),

keyed as (
    select
        source,
        wallet_id as wallet_key,
        event_date,
        starts_at
    from with_midnights
    union all
    select
        with_midnights.source,
        '' as wallet_key,
        with_midnights.event_date,
        with_midnights.starts_at
    from with_midnights
    inner join sole_wallets on with_midnights.source = sole_wallets.source
),

stretches as (
    select
        *,
        coalesce(
            lead(starts_at) over (
                partition by source, wallet_key, event_date
                order by starts_at
            ),
            cast(event_date as timestamp) + interval 1 day
        ) as ends_at
    from keyed
)

select * from stretches
