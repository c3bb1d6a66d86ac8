{#- Rulings: docs/decisions/credits.md#credits-7 -#}
-- One row per lot of credits, with its use. Includes lots known only from a closed month.

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
        min(source) as source,
        min(workspace_id) as workspace_id,
        min(unit) as unit,
        max(grant_kind) as grant_kind,
        max(invoice_id) as invoice_id,
        min(entered_at) as entered_at,
        max(raw_file) as raw_file,
        max(raw_line) as raw_line,
        cast(sum(case when amount_micro > 0 and caused_by = grant_kind then amount_micro else 0 end) as bigint) as granted_micro,
        cast(-sum(case when entry_kind = 'burn' then amount_micro else 0 end) as bigint) as used_micro,
        cast(-sum(case when entry_kind = 'expire' then amount_micro else 0 end) as bigint) as expired_micro,
        cast(sum(case when caused_by in ('correction', 'closed_month') then amount_micro else 0 end) as bigint)
            as adjusted_micro,
        cast(sum(amount_micro) as bigint) as remaining_micro
    from entries
    group by grant_id
),

final as (
    select
        ---------- ids
        sums.grant_id,
        sums.source,
        sums.workspace_id,
        sums.invoice_id,

        ---------- what it is
        sums.grant_kind,
        coalesce(movements.moved_at, sums.entered_at) as granted_at,
        movements.expires_at,
        movements.priority,
        sums.unit,

        ---------- what became of it
        sums.granted_micro,
        sums.used_micro,
        sums.expired_micro,
        sums.adjusted_micro,
        sums.remaining_micro,

        ---------- what it cost
        movements.currency as price_currency,
        {{ pico_to_decimal("movements.price_pico") }} as price_amount,
        {{ pico_to_decimal("movements.price_usd_pico") }} as price_usd,

        ---------- lineage
        sums.raw_file,
        sums.raw_line
    from sums
    left join movements on sums.grant_id = movements.movement_id
)

select * from final
