{#- Rulings: docs/decisions/credits.md#credits-5 -#}
{{ config(materialized = 'table') }}

-- One row per day that is divided by credits, with its division: usage of the day is summed again when that changes.
with stretches as (
    select * from {{ ref('int_credit_stretches') }}
),

days as (
    select
        event_date,
        md5(string_agg(
            concat_ws('|', source, wallet_key, epoch_us(starts_at)),
            ',' order by source, wallet_key, starts_at
        )) as fingerprint,
        cast(0 as bigint) as weight
    from stretches
    group by event_date
)

select * from days
