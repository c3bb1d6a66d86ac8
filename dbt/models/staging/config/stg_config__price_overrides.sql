{#- Rulings: docs/decisions/pricing.md#pricing-6 -#}
with price_overrides as (
    select * from {{ raw_glob('config_price_overrides') }}
),

renamed as (
    select
        ---------- ids
        coalesce(provider, '') as provider,
        model,
        token_class,
        variant,

        ---------- the price
        usd_per_mtok,
        min_input_tokens,
        valid_from,
        valid_to,
        reason,

        ---------- lineage
        config_file,
        config_line
    from price_overrides
)

select * from renamed
