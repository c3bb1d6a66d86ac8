{#- Rulings: docs/decisions/credits.md#credits-1 -#}
-- Fails if, in a wallet whose credits neither expire nor go before one another and are never corrected, a lot was not
-- burned first in, first out: lots and usage laid end to end, each draw takes the lots its interval overlaps. Usage
-- that was not covered when it came took nothing, so only wallets without overage are compared.

with movements as (
    select * from {{ ref('int_credit_movements') }}
),

entries as (
    select * from {{ ref('int_credit_entries') }}
),

plain_wallets as (
    select wallet_no
    from movements
    group by wallet_no
    having
        count(expires_at) = 0
        and count(distinct case when is_lot then priority end) <= 1
        and sum(case when is_correction then 1 else 0 end) = 0
),

overdrawn as (
    select distinct movements.wallet_no
    from entries
    inner join movements on entries.draw_no = movements.movement_no
    where entries.kind_no = 3
),

laid as (
    select
        movements.wallet_no,
        movements.movement_no,
        movements.is_lot,
        movements.amount_micro,
        sum(movements.amount_micro) over (
            partition by movements.wallet_no, movements.is_lot
            order by movements.at_us, movements.movement_no
            rows between unbounded preceding and current row
        ) as upto_micro
    from movements
    inner join plain_wallets on movements.wallet_no = plain_wallets.wallet_no
    left join overdrawn on movements.wallet_no = overdrawn.wallet_no
    where overdrawn.wallet_no is null
),

-- Between two neighbouring ends is what one draw took from one lot: those that end there or next.
pieces as (
    select
        upto_micro - lag(upto_micro, 1, 0) over (
            partition by wallet_no
            order by upto_micro, movement_no
        ) as piece_micro,
        first_value(case when is_lot then movement_no end ignore nulls) over (
            partition by wallet_no
            order by upto_micro, movement_no
            rows between current row and unbounded following
        ) as lot_no,
        first_value(case when not is_lot then movement_no end ignore nulls) over (
            partition by wallet_no
            order by upto_micro, movement_no
            rows between current row and unbounded following
        ) as draw_no
    from laid
),

both_sides as (
    select
        lot_no,
        draw_no,
        piece_micro as burned_micro
    from pieces
    where draw_no is not null
    union all
    select
        entries.lot_no,
        entries.draw_no,
        entries.amount_micro as burned_micro
    from entries
    inner join laid on entries.draw_no = laid.movement_no
    where entries.kind_no = 1
),

differences as (
    select
        lot_no,
        draw_no,
        sum(burned_micro) as difference_micro
    from both_sides
    group by lot_no, draw_no
)

select * from differences
where difference_micro <> 0
