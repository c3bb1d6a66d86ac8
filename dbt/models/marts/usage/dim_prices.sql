with prices as (
    select
        price_provider,
        price_model,
        variant,
        valid_from,
        valid_to,
        tier_start,
        tier_end,
        tod_start,
        tod_end,
        price_id,
        price_source,
        price_version,
        input_usd_per_mtok,
        cache_read_usd_per_mtok,
        cache_write_5m_usd_per_mtok,
        cache_write_1h_usd_per_mtok,
        output_usd_per_mtok,
        output_reasoning_usd_per_mtok,
        input_audio_usd_per_mtok,
        output_audio_usd_per_mtok
    from {{ ref('int_model_prices') }}
)

select * from prices
