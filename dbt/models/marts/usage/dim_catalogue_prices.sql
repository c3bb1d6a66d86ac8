{#- Rulings: docs/decisions/pricing.md#pricing-14 -#}
with unit_prices as (
    select * from {{ ref('stg_prices__unit_prices') }}
),

-- Prices per thousand calls become prices per million, like those of tokens.
priced as (
    select
        catalogue_provider,
        catalogue_model,
        token_class,
        variant,
        tier_start,
        valid_from,
        valid_to,
        coalesce(tod_start, time '00:00:00') as tod_start,
        coalesce(tod_end, time '24:00:00') as tod_end,
        cast(price * case when unit = 'kcount' then 1000 else 1 end as decimal(24, 18)) as usd_per_million,
        price_version
    from unit_prices
    where unit in ('mtok', 'kcount')
)

select * from priced
