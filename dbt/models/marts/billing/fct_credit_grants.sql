-- One row per lot of credits, with what became of it.

with movements as (
    select * from {{ ref('int_credit_movements') }}
    where is_lot
),

entries as (
    select * from {{ ref('fct_credit_entries') }}
    where grant_id is not null
),

sums as (
    select
        grant_id,
        cast(-sum(case when entry_kind = 'burn' then amount_micro else 0 end) as bigint) as used_micro,
        cast(-sum(case when entry_kind = 'expire' then amount_micro else 0 end) as bigint) as expired_micro,
        cast(-sum(case when entry_kind = 'adjust' and amount_micro < 0 then amount_micro else 0 end) as bigint)
            as taken_back_micro,
        cast(sum(amount_micro) as bigint) as remaining_micro
    from entries
    group by grant_id
),

final as (
    select
        ---------- ids
        movements.movement_id as grant_id,
        movements.source,
        movements.wallet_id as workspace_id,
        movements.invoice_id,

        ---------- what it is
        movements.movement_kind as grant_kind,
        movements.moved_at as granted_at,
        movements.expires_at,
        movements.priority,
        movements.unit,

        ---------- what became of it
        movements.amount_micro as granted_micro,
        sums.used_micro,
        sums.expired_micro,
        sums.taken_back_micro,
        sums.remaining_micro,

        ---------- what it cost
        movements.currency as price_currency,
        {{ pico_to_decimal("movements.price_pico") }} as price_amount,

        ---------- lineage
        movements.raw_file,
        movements.raw_line
    from movements
    inner join sums on movements.movement_id = sums.grant_id
)

select * from final
