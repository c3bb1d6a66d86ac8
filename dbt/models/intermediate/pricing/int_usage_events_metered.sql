{%- set classes = [
    'input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'output_reasoning', 'input_audio',
    'output_audio', 'input_image', 'output_image', 'web_searches',
] %}
{%- set output_terms = [
    ['usage_events.input_audio_tokens', 'input_audio'],
    ['usage_events.input_image_tokens', 'input_image'],
    ['usage_events.output_text_tokens', 'output'],
    ['usage_events.reasoning_tokens', 'output_reasoning'],
    ['usage_events.output_audio_tokens', 'output_audio'],
    ['usage_events.output_image_tokens', 'output_image'],
    ['1', 'requests'],
    ['usage_events.web_searches', 'web_searches'],
] %}
{%- set all_text_input -%}
(usage_events.uncached_input_tokens + usage_events.cache_read_tokens
            + usage_events.cache_write_5m_tokens + usage_events.cache_write_1h_tokens)
{%- endset %}
{%- set uncached_terms = [[all_text_input, 'input']] + output_terms %}
{%- set cached_terms = [
    ['usage_events.uncached_input_tokens', 'input'],
    ['usage_events.cache_read_tokens', 'cache_read'],
    ['usage_events.cache_write_5m_tokens', 'cache_write_5m'],
    ['usage_events.cache_write_1h_tokens', 'cache_write_1h'],
] + output_terms %}
{#- What the parts of a call weigh by the ratios on its row, in plain input tokens. -#}
{%- set weighed_alike = [
    ['input_audio_tokens', "case when audio_usd_per_mtok is null then coalesce(audio_ratio, 1) else 0 end"],
    ['input_image_tokens', 'image_ratio'],
    ['(output_text_tokens + reasoning_tokens + output_image_tokens)', 'completion_ratio'],
    ['output_audio_tokens', 'coalesce(audio_output_ratio, completion_ratio)'],
] %}
{%- set weighed_by_class = [
    ['uncached_input_tokens', '1'],
    ['cache_read_tokens', 'cache_ratio'],
    ['(cache_write_5m_tokens - coalesce(cache_write_unsplit_tokens, 0))', 'cache_write_5m_ratio'],
    ['coalesce(cache_write_unsplit_tokens, 0)', 'cache_write_ratio'],
    ['cache_write_1h_tokens', 'cache_write_1h_ratio'],
] %}
{#- What a formula's names count: p and c without the parts that it prices by themselves. -#}
{%- set formula_counts = {
    'p': 'uncached_input_tokens'
        ~ ' + case when uses_cr then 0 else cache_read_tokens end'
        ~ ' + case when uses_cc then 0 else cache_write_5m_tokens end'
        ~ ' + case when uses_cc or uses_cc1h then 0 else cache_write_1h_tokens end'
        ~ ' + case when uses_ai then 0 else input_audio_tokens end'
        ~ ' + case when uses_img then 0 else input_image_tokens end',
    'c': 'output_text_tokens + reasoning_tokens'
        ~ ' + case when uses_ao then 0 else output_audio_tokens end'
        ~ ' + case when uses_img_o then 0 else output_image_tokens end',
    'cr': 'cache_read_tokens',
    'cc': 'cache_write_5m_tokens + case when uses_cc1h then 0 else cache_write_1h_tokens end',
    'cc1h': 'cache_write_1h_tokens',
    'img': 'input_image_tokens',
    'img_cr': '0',
    'ai': 'input_audio_tokens',
    'ao': 'output_audio_tokens',
    'img_o': 'output_image_tokens',
    'len': 'input_tokens',
} %}
{%- set formula_parts = ['img', 'ai', 'c', 'ao', 'img_o'] %}

{#- Something used at a ratio above 0 costs at least one unit. -#}
{%- set least_quota -%}
case when gateway_price_source = 'ratio' and input_tokens + output_tokens > 0 and model_ratio > 0
                            and coalesce(group_ratio, 1) > 0 and status = 'success' then 1 else 0 end
{%- endset %}

with usage_events as (
    select * from {{ ref('int_usage_events_deduplicated') }}
),

prices as (
    select * from {{ ref('int_model_prices') }}
),

models as (
    select * from {{ ref('stg_prices__models') }}
),

formulas as (
    select * from {{ ref('stg_prices__formulas') }}
),

-- list: every prompt token at the plain input price; cached: every class at its own price. By catalogue and contract.
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
        prices.variant as price_variant,
        {% for class in classes -%}
            prices.{{ class }}_usd_per_mtok as catalogue_{{ class }}_usd_per_mtok,
        {% endfor -%}
        {{ picousd(uncached_terms) }} as catalogue_list_picousd,
        {{ fine_units(uncached_terms) }} as catalogue_list_fine,
        {{ picousd(cached_terms) }} as catalogue_cached_picousd,
        {{ fine_units(cached_terms) }} as catalogue_cached_fine
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

formula_names as (
    select distinct
        price_formula,
        {% for name in formula_counts if name != 'len' -%}
            uses_{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from formulas
),

counted as (
    select
        catalogued.*,
        {% for name, count in formula_counts.items() -%}
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
        {% for name in ['p', 'cr', 'cc', 'cc1h', 'c', 'ai', 'ao', 'img', 'img_o'] -%}
            formulas.{{ name }}_usd_per_mtok as formula_{{ name }}_usd_per_mtok,
            {% if name not in ['p', 'c'] -%}
                formulas.uses_{{ name }},
            {% endif -%}
        {% endfor -%}
        (counted.count_p + case when formulas.uses_cr then counted.count_cr else 0 end
            + case when formulas.uses_cc then counted.count_cc else 0 end
            + case when formulas.uses_cc1h then counted.count_cc1h else 0 end) * formulas.p_fine
        {%- for name in formula_parts %}
            + counted.count_{{ name }} * formulas.{{ name }}_fine
        {%- endfor %}
        + formulas.constant_fine as formula_list_fine,
        counted.count_p * formulas.p_fine
        {%- for name in ['cr', 'cc', 'cc1h'] + formula_parts %}
            + counted.count_{{ name }} * formulas.{{ name }}_fine
        {%- endfor %}
        + formulas.constant_fine as formula_cached_fine
    from counted
    left join formulas
        on
            counted.price_formula = formulas.price_formula
            {%- for name in formula_counts %}
            and counted.count_{{ name }} >= formulas.{{ name }}_from
            and counted.count_{{ name }} <= formulas.{{ name }}_to
            {%- endfor %}
            and counted.service_tier = coalesce(formulas.service_tier, counted.service_tier)
            and strpos(formulas.other_service_tiers, concat('|', counted.service_tier, '|')) = 0
),

weighed as (
    select
        *,
        case when gateway_price_source = 'ratio'
                then (uncached_input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens)
                    * cast(1000000000 as hugeint) + {{ ratio_units(weighed_alike) }}
        end as list_weight,
        case when gateway_price_source = 'ratio' then {{ ratio_units(weighed_by_class + weighed_alike) }} end as cached_weight,
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
            {% for name in formula_counts %}count_{{ name }}, {% endfor -%}
            {% for name in ['p', 'cr', 'cc', 'cc1h', 'c', 'ai', 'ao', 'img', 'img_o'] %}formula_{{ name }}_usd_per_mtok, {% endfor -%}
            uses_cr, uses_cc, uses_cc1h, uses_ai, uses_ao, uses_img, uses_img_o, has_formula, formula_list_fine, formula_cached_fine, list_weight,
            cached_weight, model_ratio_units, extra_fine, priced_units, list_quota_parts, cached_quota_parts, call_fine,
            charge_quota_parts
        ),
        case when is_gateway_priced then gateway_price_source else catalogue_price_id end as price_id,
        case when not is_gateway_priced then catalogue_price_version end as price_version,
        case when is_gateway_priced then gateway_price_source else catalogue_price_source end as price_source,
        {% for class, ratio, formula in [
            ['input', '1', 'formula_p_usd_per_mtok'],
            ['cache_read', 'cache_ratio', 'case when uses_cr then formula_cr_usd_per_mtok else formula_p_usd_per_mtok end'],
            [
                'cache_write_5m', 'cache_write_5m_ratio',
                'case when uses_cc then formula_cc_usd_per_mtok else formula_p_usd_per_mtok end',
            ],
            [
                'cache_write_1h', 'cache_write_1h_ratio',
                'case when uses_cc1h then formula_cc1h_usd_per_mtok when uses_cc then formula_cc_usd_per_mtok'
                ~ ' else formula_p_usd_per_mtok end',
            ],
            ['output', 'completion_ratio', 'formula_c_usd_per_mtok'],
            ['output_reasoning', 'completion_ratio', 'formula_c_usd_per_mtok'],
            [
                'input_audio', 'audio_ratio',
                'case when uses_ai then formula_ai_usd_per_mtok else formula_p_usd_per_mtok end',
            ],
            [
                'output_audio', 'coalesce(audio_output_ratio, completion_ratio)',
                'case when uses_ao then formula_ao_usd_per_mtok else formula_c_usd_per_mtok end',
            ],
            [
                'input_image', 'image_ratio',
                'case when uses_img then formula_img_usd_per_mtok else formula_p_usd_per_mtok end',
            ],
            [
                'output_image', 'completion_ratio',
                'case when uses_img_o then formula_img_o_usd_per_mtok else formula_c_usd_per_mtok end',
            ],
        ] -%}
            case
                when not is_gateway_priced then catalogue_{{ class }}_usd_per_mtok
                when gateway_price_source = 'ratio' then {{ ratio_usd_per_mtok('model_ratio_units', ratio, 'quota_per_unit') }}
                when gateway_price_source = 'formula' then {{ formula }}
            end as {{ class }}_usd_per_mtok,
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
