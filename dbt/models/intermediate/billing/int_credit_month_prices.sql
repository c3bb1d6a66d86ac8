{#- Rulings: docs/decisions/credits.md#credits-4 -#}
{{ config(materialized = 'table') }}

-- One row per wallet and month that credits came in, held until the next such month: the price of its credits together,
-- including gifts and bonuses. Without one currency for all of them there is no price, and without a USD price for all
-- of them there is none in USD.

with grants as (
    select * from {{ ref('int_credit_grants') }}
    where amount_micro > 0 and grant_kind not in ('adjustment', 'opening')
),

months as (
    select
        source,
        wallet_id,
        cast(date_trunc('month', granted_at) as date) as month_start,
        cast(sum(amount_micro) as decimal(38, 0)) as month_micro,
        case
            when count(*) = count(price_pico) and count(distinct case when price_pico > 0 then currency end) <= 1
                then cast(sum(price_pico) as decimal(38, 0))
        end as month_price_pico,
        case when count(*) = count(price_usd_pico) then cast(sum(price_usd_pico) as decimal(38, 0)) end as month_price_usd_pico,
        coalesce(max(case when price_pico > 0 then currency end), 'usd') as currency
    from grants
    group by source, wallet_id, cast(date_trunc('month', granted_at) as date)
),

held as (
    select
        *,
        coalesce(
            lead(month_start) over (
                partition by source, wallet_id
                order by month_start
            ),
            date '9999-12-31'
        ) as next_month_start
    from months
)

select * from held
