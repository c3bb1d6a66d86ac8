-- Fails if a lot is not what was used, expired and remains, less corrections; or if the wallets do not hold what the lots do.

with grants as (
    select * from {{ ref('fct_credit_grants') }}
),

balances as (
    select
        *,
        max(event_date) over () as last_date
    from {{ ref('fct_credit_balances_daily') }}
),

broken_lots as (
    select
        grant_id as subject,
        granted_micro - used_micro - expired_micro + adjusted_micro - remaining_micro as unexplained_micro
    from grants
),

both_sides as (
    select
        source,
        workspace_id,
        remaining_micro as held_micro
    from grants
    union all
    select
        source,
        workspace_id,
        -closing_micro as held_micro
    from balances
    where event_date = last_date
),

wallets as (
    select
        concat(source, ' ', workspace_id) as subject,
        sum(held_micro) as unexplained_micro
    from both_sides
    group by concat(source, ' ', workspace_id)
),

unexplained as (
    select * from broken_lots
    union all
    select * from wallets
)

select * from unexplained
where unexplained_micro <> 0
