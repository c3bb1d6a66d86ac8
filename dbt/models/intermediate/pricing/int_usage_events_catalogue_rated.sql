{%- set classes = priced_classes() | reject('equalto', 'requests') | list %}
{#- [tokens, price class] at list and, cached, each class at its own price; media separately, because most calls have
none. -#}
{%- set list_terms = {'text': [], 'media': []} %}
{%- set cached_terms = {'text': [], 'media': []} %}
{%- for class in token_classes() -%}
    {%- set kind = 'text' if class.modality == 'text' else 'media' -%}
    {%- do list_terms[kind].append(['usage_events.' ~ class.tokens, class.list_as]) -%}
    {%- do cached_terms[kind].append(['usage_events.' ~ class.tokens, class['class']]) -%}
{%- endfor -%}
{%- for terms in [list_terms, cached_terms] -%}
    {%- do terms.text.extend([['1', 'requests'], ['usage_events.web_searches', 'web_searches']]) -%}
{%- endfor %}

with usage_events as (
    select
        *,
        {{ token_columns(media_classes()) | join(' + ') }} > 0 as has_media
    from {{ ref('int_usage_events_deduplicated') }}
),

prices as (
    select * from {{ ref('int_model_prices') }}
),

variants as (
    select
        price_provider,
        price_model,
        list(distinct variant) as variants
    from prices
    group by price_provider, price_model
),

models as (
    select
        models.*,
        variants.variants
    from {{ ref('stg_prices__models') }} as models
    left join variants
        on models.price_provider = variants.price_provider and models.price_model = variants.price_model
),

-- list: every prompt token at the plain input price of its modality; cached: every class at its own price.
catalogued as (
    select
        usage_events.*,
        models.catalogue_provider,
        models.catalogue_model,
        models.matched_by,
        models.reason_unmatched,
        prices.price_id as catalogue_price_id,
        prices.price_cell,
        prices.price_version as catalogue_price_version,
        prices.price_source as catalogue_price_source,
        prices.priced_variant as price_variant,
        {% for class in classes -%}
            prices.{{ class }}_usd_per_mtok as catalogue_{{ class }}_usd_per_mtok,
        {% endfor -%}
        {% for tier, terms in [('list', list_terms), ('cached', cached_terms)] -%}
            {{ picousd(terms.text, terms.media, 'usage_events.has_media') }} as catalogue_{{ tier }}_picousd,
            {{ yoctousd(terms.text, terms.media, 'usage_events.has_media') }} as catalogue_{{ tier }}_yoctousd{{ ',' if not loop.last }}
        {% endfor %}
    from usage_events
    left join models
        on usage_events.price_provider = models.price_provider and usage_events.price_model = models.price_model
    left join prices
        on
            usage_events.price_provider = prices.price_provider
            and usage_events.price_model = prices.price_model
            and prices.variant = case
                when usage_events.service_tier != 'standard' and list_contains(models.variants, usage_events.service_tier)
                    then usage_events.service_tier
                else 'standard'
            end
            and usage_events.occurred_at >= prices.valid_from
            and usage_events.occurred_at < prices.valid_to
            and usage_events.input_tokens > prices.tier_start - case when prices.tier_start = 0 then 1 else 0 end
            and usage_events.input_tokens <= prices.tier_end
            and cast(usage_events.occurred_at as time) >= prices.tod_start
            and cast(usage_events.occurred_at as time) < prices.tod_end
),

catalogue_rated as (
    select * exclude (has_media) from catalogued
)

select * from catalogue_rated
