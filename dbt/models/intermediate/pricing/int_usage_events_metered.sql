{%- set classes = priced_classes() | reject('equalto', 'requests') | list %}
{#- [tokens, price class] at list and, cached, each class at its own price; media apart, which most calls have none of. -#}
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
{#- What the parts of a call weigh by the ratios on its row, in plain input tokens: [tokens, ratio]. -#}
{%- set audio_ratio = 'case when audio_usd_per_mtok is null then coalesce(audio_ratio, 1) else 0 end' %}
{%- set weights = {'list': {}, 'cached': {}} %}
{%- for class in token_classes() -%}
    {%- set listed = token_classes(class = class.list_as)[0] -%}
    {%- for tier, priced in [('list', listed), ('cached', class)] -%}
        {%- set ratio = audio_ratio if priced.ratio == 'audio_ratio' else priced.ratio -%}
        {%- set tokens = class.tokens -%}
        {%- if tier == 'cached' and tokens == 'cache_write_5m_tokens' -%}
            {%- set tokens = tokens ~ ' - coalesce(cache_write_unsplit_tokens, 0)' -%}
        {%- endif -%}
        {%- do weights[tier].setdefault(ratio, []).append(tokens) -%}
    {%- endfor -%}
{%- endfor -%}
{%- do weights.cached.update({'cache_write_ratio': ['coalesce(cache_write_unsplit_tokens, 0)']}) %}
{%- for tier in weights -%}
    {%- set terms = [] -%}
    {%- for ratio, tokens in weights[tier].items() %}{% do terms.append(['(' ~ tokens | join(' + ') ~ ')', ratio]) %}{% endfor -%}
    {%- do weights.update({tier: terms}) -%}
{%- endfor %}
{#- What a formula's names count: a class counts as the first of its names that the formula uses; listed, its list class's. -#}
{%- set formula_names = ['p', 'c', 'cr', 'cc', 'cc1h', 'img', 'img_cr', 'ai', 'ao', 'img_o'] %}
{%- set formula_counts = {'list': {}, 'cached': {}} %}
{%- for tier in formula_counts -%}
    {%- for name in formula_names -%}
        {%- set counted = [] -%}
        {%- for class in token_classes() -%}
            {%- set names = (token_classes(class = class.list_as)[0] if tier == 'list' else class).formula -%}
            {%- if name in names[1:] -%}
                {%- set uses_earlier = 'uses_' ~ names[:names.index(name)] | join(' or uses_') -%}
                {%- do counted.append('case when ' ~ uses_earlier ~ ' then 0 else ' ~ class.tokens ~ ' end') -%}
            {%- elif name in names -%}
                {%- do counted.append(class.tokens) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if counted -%}{%- do formula_counts[tier].update({name: counted | join(' + ')}) -%}{%- endif -%}
    {%- endfor -%}
{%- endfor -%}
{%- do formula_counts.cached.update({'len': 'input_tokens'}) %}

{#- Something used at a ratio above 0 costs at least one unit. -#}
{%- set least_quota -%}
case when gateway_price_source = 'ratio' and input_tokens + output_tokens > 0 and model_ratio > 0
                            and coalesce(group_ratio, 1) > 0 and status = 'success' then 1 else 0 end
{%- endset %}

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

formulas as (
    select * from {{ ref('stg_prices__formulas') }}
),

-- list: every prompt token at the plain input price of its modality; cached: every class at its own price. By catalogue
-- and contract.
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
            {{ fine_units(terms.text, terms.media, 'usage_events.has_media') }} as catalogue_{{ tier }}_fine{{ ',' if not loop.last }}
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

formula_names as (
    select distinct
        price_formula,
        {% for name in formula_names -%}
            uses_{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from formulas
),

counted as (
    select
        catalogued.*,
        {% for name, count in formula_counts.cached.items() -%}
            case when formula_names.price_formula is not null then {{ count }} end as count_{{ name }},
        {% endfor -%}
        formula_names.price_formula is not null as has_formula
    from catalogued
    left join formula_names on catalogued.price_formula = formula_names.price_formula
),

-- A gateway may price a call itself: by ratios, by a formula, or at so much a call. A contract of ours goes before.
gateway_priced as (
    select
        counted.*,
        case
            when counted.billing_mode = 'per_call' and counted.fixed_price_usd is not null then 'per_call'
            when
                counted.billing_mode = 'ratio' and counted.model_ratio is not null and counted.quota_per_unit is not null
                then 'ratio'
            when formulas.price_formula is not null then 'formula'
        end as gateway_price_source,
        {% for name in formula_names -%}
            formulas.{{ name }}_usd_per_mtok as formula_{{ name }}_usd_per_mtok,
            formulas.uses_{{ name }},
        {% endfor -%}
        formulas.constant_fine
        {%- for name, count in formula_counts.list.items() %}
            + ({{ count }}) * formulas.{{ name }}_fine
        {%- endfor %} as formula_list_fine,
        formulas.constant_fine
        {%- for name in formula_names %}
            + counted.count_{{ name }} * formulas.{{ name }}_fine
        {%- endfor %} as formula_cached_fine
    from counted
    left join formulas
        on
            counted.price_formula = formulas.price_formula
            {%- for name in formula_counts.cached %}
            and counted.count_{{ name }} >= formulas.{{ name }}_from
            and counted.count_{{ name }} <= formulas.{{ name }}_to
            {%- endfor %}
            and counted.service_tier = coalesce(formulas.service_tier, counted.service_tier)
            and strpos(formulas.other_service_tiers, concat('|', counted.service_tier, '|')) = 0
),

weighed as (
    select
        *,
        {% for tier in weights -%}
            case when gateway_price_source = 'ratio' then {{ ratio_units(weights[tier]) }} end as {{ tier }}_weight,
        {% endfor -%}
        case when gateway_price_source = 'ratio' then {{ ratio_units([['1', 'model_ratio']]) }} end as model_ratio_units,
        -- Tools, and audio where it has a price of its own, are in dollars.
        coalesce(surcharge_picousd, 0) * cast(1000000000000 as hugeint)
        + coalesce(
            input_audio_tokens * cast(cast(audio_usd_per_mtok as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) * 1000000, 0
        ) as extra_fine,
        case when billing_mode = 'per_call' and status != 'success' then 0 else call_units end as priced_units
    from gateway_priced
),

-- In 10^-18 units of quota and in 10^-24 dollars; what no money can hold is null.
gateway_metered as (
    select
        *,
        {% for tier in ['list', 'cached'] -%}
            case gateway_price_source
                when 'ratio' then {{ weighted_quota(tier ~ '_weight', 'model_ratio_units', 'quota_per_unit') }}
                else {{ 'formula_' ~ tier ~ '_fine' }} * quota_per_unit // 1000000
            end as {{ tier }}_quota_parts,
        {% endfor -%}
        case when gateway_price_source = 'per_call'
                then cast(cast(fixed_price_usd as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) * 1000000000000 * priced_units
        end as call_fine
    from weighed
),

gateway_amounts as (
    select
        *,
        {% for tier in ['list', 'cached'] -%}
            extra_fine + case gateway_price_source
                when 'ratio' then {{ tier }}_quota_parts * 1000000 // quota_per_unit
                when 'formula' then {{ within_money('formula_' ~ tier ~ '_fine') }}
                when 'per_call' then call_fine
            end as gateway_{{ tier }}_fine,
        {% endfor -%}
        gateway_price_source is not null
        and (
            coalesce(catalogue_price_source, '') != 'override'
            or gateway_price_source = 'per_call'
        ) as is_gateway_priced,
        extra_fine * quota_per_unit // 1000000
        + case gateway_price_source when 'per_call' then call_fine * quota_per_unit // 1000000 else cached_quota_parts end
            as charge_quota_parts
    from gateway_metered
),

metered as (
    select
        * exclude (
            {% for class in classes %}catalogue_{{ class }}_usd_per_mtok, {% endfor -%}
            {% for name in formula_counts.cached %}count_{{ name }}, {% endfor -%}
            {% for name in formula_names %}formula_{{ name }}_usd_per_mtok, uses_{{ name }}, {% endfor -%}
            has_media, has_formula, formula_list_fine, formula_cached_fine, list_weight, cached_weight, model_ratio_units, extra_fine, priced_units, list_quota_parts, cached_quota_parts, call_fine,
            charge_quota_parts
        ),
        case when is_gateway_priced then gateway_price_source else catalogue_price_id end as price_id,
        case when not is_gateway_priced then catalogue_price_version end as price_version,
        case when is_gateway_priced then gateway_price_source else catalogue_price_source end as price_source,
        {% for class in token_classes() -%}
            case
                when not is_gateway_priced then catalogue_{{ class['class'] }}_usd_per_mtok
                when gateway_price_source = 'ratio' then {{ ratio_usd_per_mtok('model_ratio_units', class.ratio, 'quota_per_unit') }}
                {%- for name in class.formula[:-1] %}
                when gateway_price_source = 'formula' and uses_{{ name }} then formula_{{ name }}_usd_per_mtok
                {%- endfor %}
                when gateway_price_source = 'formula' then formula_{{ class.formula[-1] }}_usd_per_mtok
            end as {{ class['class'] }}_usd_per_mtok,
        {% endfor -%}
        case when not is_gateway_priced then catalogue_web_searches_usd_per_mtok end as web_searches_usd_per_mtok,
        case when not is_gateway_priced then catalogue_list_picousd end as list_picousd,
        case when is_gateway_priced then gateway_list_fine else catalogue_list_fine end as list_fine,
        case when not is_gateway_priced then catalogue_cached_picousd end as cached_picousd,
        case when is_gateway_priced then gateway_cached_fine else catalogue_cached_fine end as cached_fine,
        -- What the gateway should have charged by its own figures, in whole quota.
        case when gateway_price_source is not null and event_type not in ('refund', 'adjustment')
                then {{ whole_quota('charge_quota_parts', 'group_ratio', 'charge_rounding', least_quota) }}
        end as expected_quota,
        -- The least a gateway can charge: one unit of its quota, or what it writes of a dollar.
        case
            when quota_used is null or quota_per_unit is null then cast(0.00000001 as decimal(18, 12))
            else cast(
                cast(greatest(1000000000000 // quota_per_unit, 1) as decimal(18, 0)) * cast(0.000000000001 as decimal(18, 12))
                as decimal(18, 12)
            )
        end as rounding_unit_usd
    from gateway_amounts
)

select * from metered
