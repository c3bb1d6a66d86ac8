{%- set output_terms = [
    ['usage_events.input_audio_tokens', 'input_audio'],
    ['usage_events.input_image_tokens', 'input_image'],
    ['usage_events.output_text_tokens', 'output'],
    ['usage_events.reasoning_tokens', 'output_reasoning'],
    ['usage_events.output_audio_tokens', 'output_audio'],
    ['usage_events.output_image_tokens', 'output_image'],
    ['1', 'requests'],
] %}
{%- set uncached_terms = [[
    '(usage_events.uncached_input_tokens + usage_events.cache_read_tokens'
    ~ ' + usage_events.cache_write_5m_tokens + usage_events.cache_write_1h_tokens)', 'input',
]] + output_terms %}
{%- set cached_terms = [
    ['usage_events.uncached_input_tokens', 'input'],
    ['usage_events.cache_read_tokens', 'cache_read'],
    ['usage_events.cache_write_5m_tokens', 'cache_write_5m'],
    ['usage_events.cache_write_1h_tokens', 'cache_write_1h'],
] + output_terms %}

with usage_events as (
    select * from {{ ref('int_usage_events_deduplicated') }}
),

prices as (
    select * from {{ ref('int_model_prices') }}
),

models as (
    select * from {{ ref('stg_prices__models') }}
),

-- list: every prompt token at the plain input price; cached: every class at its own price.
metered as (
    select
        usage_events.*,
        models.catalogue_provider,
        models.catalogue_model,
        models.matched_by,
        models.reason_unmatched,
        prices.price_id,
        prices.price_version,
        prices.price_source,
        prices.variant as price_variant,
        prices.input_usd_per_mtok,
        prices.cache_read_usd_per_mtok,
        prices.cache_write_5m_usd_per_mtok,
        prices.cache_write_1h_usd_per_mtok,
        prices.output_usd_per_mtok,
        prices.output_reasoning_usd_per_mtok,
        prices.input_audio_usd_per_mtok,
        prices.output_audio_usd_per_mtok,
        {{ picousd(uncached_terms) }} as list_picousd,
        {{ fine_units(uncached_terms) }} as list_fine,
        {{ picousd(cached_terms) }} as cached_picousd,
        {{ fine_units(cached_terms) }} as cached_fine
    from usage_events
    left join models
        on usage_events.price_provider = models.price_provider and usage_events.price_model = models.price_model
    left join prices
        on
            usage_events.price_provider = prices.price_provider
            and usage_events.price_model = prices.price_model
            and prices.variant = case
                when usage_events.service_tier in ('batch', 'flex', 'priority') then usage_events.service_tier else 'standard'
            end
            and usage_events.occurred_at >= prices.valid_from
            and usage_events.occurred_at < prices.valid_to
            and usage_events.input_tokens > prices.tier_start - case when prices.tier_start = 0 then 1 else 0 end
            and usage_events.input_tokens <= prices.tier_end
            and cast(usage_events.occurred_at as time) >= prices.tod_start
            and cast(usage_events.occurred_at as time) < prices.tod_end
),

-- A call with a price of its own costs that, whatever its tokens; a failed one costs nothing.
per_call as (
    select
        * exclude (list_picousd, cached_picousd),
        case when billing_mode = 'per_call' then fixed_picousd else list_picousd end as list_picousd,
        case when billing_mode = 'per_call' then fixed_picousd else cached_picousd end as cached_picousd
    from (
        select
            *,
            case
                when status = 'success'
                    then cast(cast(fixed_price_usd as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as bigint) * call_units
                else 0
            end as fixed_picousd
        from metered
    ) as fixed_prices
)

select * from per_call
