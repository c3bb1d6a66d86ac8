{#- Rulings: docs/decisions/credits.md#credits-2 -#}
-- Fails if credits that usage took are neither burned nor posted as overage, or if more was posted than was used.

with movements as (
    select * from {{ ref('int_credit_movements') }}
    where movement_kind in ('usage', 'correction')
),

entries as (
    select * from {{ ref('int_credit_entries') }}
    where draw_no > 0
),

posted as (
    select
        draw_no,
        -sum(amount_micro) as posted_micro
    from entries
    group by draw_no
)

select
    movements.movement_id,
    movements.amount_micro,
    posted.posted_micro
from movements
full join posted on movements.movement_no = posted.draw_no
where movements.amount_micro is distinct from posted.posted_micro
