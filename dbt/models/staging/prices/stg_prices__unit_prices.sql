{#- Rulings: docs/decisions/pricing.md#pricing-7 -#}
with prices as (
    select
        *,
        cast(split_part(catalogue_version, '.', 1) as bigint) * 1000000000000
        + cast(split_part(catalogue_version, '.', 2) as bigint) * 1000000
        + cast(split_part(catalogue_version, '.', 3) as bigint) as version_order
    from {{ raw_glob('prices') }}
),

models as (
    select * from {{ raw_glob('price_models') }}
),

-- A price keeps the version it first appeared in, so a newer catalogue that repeats it, or ends it, changes no row.
first_seen as (
    select
        *,
        first_value(catalogue_version) over (
            partition by
                catalogue_provider, catalogue_model, token_class, unit, price, tier_start, variant, valid_from,
                tod_start, tod_end, is_free_or_unknown
            order by version_order
        ) as price_version
    from prices
),

-- The catalogue the models were matched against.
current_prices as (
    select first_seen.*
    from first_seen
    semi join models on first_seen.catalogue_version = models.catalogue_version
)

select * from current_prices
