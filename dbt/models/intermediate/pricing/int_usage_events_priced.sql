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

discounts as (
    select * from {{ ref('int_usage_discounts') }}
),

-- list: every prompt token at the plain input price; cached: every class at its own price.
metered as (
    select
        usage_events.*,
        models.catalogue_provider,
        models.catalogue_model,
        models.matched_by,
        models.reason_unmatched,
        discounts.discount_rule_id,
        coalesce(discounts.discount_factor, usage_events.stated_discount_factor, 1) as discount_factor,
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
    left join discounts
        on
            usage_events.event_date = discounts.event_date
            and usage_events.workspace_id is not distinct from discounts.workspace_id
            and usage_events.group_name is not distinct from discounts.group_name
),

factored as (
    select
        *,
        cast(discount_factor * cast(1000000 as decimal(7, 0)) as bigint) as factor_ppm
    from metered
),

costed as (
    select
        *,
        {{ usd('list_picousd', 'list_fine') }} as list_usd,
        {{ usd('list_picousd', 'list_fine', 'factor_ppm') }} as discounted_usd,
        {{ usd('cached_picousd', 'cached_fine') }} as cache_list_usd,
        {{ usd('cached_picousd', 'cached_fine', 'factor_ppm') }} as cache_optimized_usd
    from factored
),

-- A call that did not succeed and used nothing cost nothing whatever its model; a success without usage is unknown, not free.
judged as (
    select
        *,
        input_tokens + output_tokens = 0 and status != 'success' as used_nothing,
        case
            when input_tokens + output_tokens = 0 and status != 'success' then cast(null as varchar)
            when usage_source = 'missing' then 'no_usage'
            when list_usd is not null then cast(null as varchar)
            when price_id is not null then 'amount_out_of_range'
            when reason_unmatched is not null then reason_unmatched
            else 'no_price'
        end as unpriced_reason
    from costed
),

priced as (
    select
        *,
        case when used_nothing then 0 when unpriced_reason is null then list_usd end as list_cost_usd,
        case when used_nothing then 0 when unpriced_reason is null then discounted_usd end as discounted_cost_usd,
        case when used_nothing then 0 when unpriced_reason is null then cache_list_usd end as cache_list_cost_usd,
        case
            when used_nothing then 0
            when unpriced_reason is not null then cast(null as decimal(18, 12))
            when billing_mode = 'free' then 0
            else cache_optimized_usd
        end as cache_optimized_cost_usd
    from judged
)

select * from priced
