{#- Rulings: docs/decisions/gateway-prices.md -#}
{#- The parts of a call weighted by the ratios on its row, in plain input tokens: [tokens, ratio]. -#}
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
{%- set formula_names = formula_names() %}
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
    select * from {{ ref('int_usage_events_catalogue_rated') }}
),

formulas as (
    select * from {{ ref('stg_prices__formulas') }}
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
        usage_events.*,
        {% for name, count in formula_counts.cached.items() -%}
            case when formula_names.price_formula is not null then {{ count }} end as count_{{ name }},
        {% endfor -%}
        formula_names.price_formula is not null as has_formula
    from usage_events
    left join formula_names on usage_events.price_formula = formula_names.price_formula
),

-- A gateway may price a call itself: by ratios, by a formula, or per call.
chosen as (
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
        formulas.constant_yoctousd
        {%- for name, count in formula_counts.list.items() %}
            + ({{ count }}) * formulas.{{ name }}_yoctousd
        {%- endfor %} as formula_list_yoctousd,
        formulas.constant_yoctousd
        {%- for name in formula_names %}
            + counted.count_{{ name }} * formulas.{{ name }}_yoctousd
        {%- endfor %} as formula_cached_yoctousd
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
        ) as extra_yoctousd,
        case when billing_mode = 'per_call' and status != 'success' then 0 else call_units end as priced_units
    from chosen
),

-- In 10^-18 units of quota and in 10^-24 dollars; null if it does not fit the type.
in_quota as (
    select
        *,
        {% for tier in ['list', 'cached'] -%}
            case gateway_price_source
                when 'ratio' then {{ weighted_quota(tier ~ '_weight', 'model_ratio_units', 'quota_per_unit') }}
                else {{ 'formula_' ~ tier ~ '_yoctousd' }} * quota_per_unit // 1000000
            end as {{ tier }}_quota_parts,
        {% endfor -%}
        case when gateway_price_source = 'per_call'
                then cast(cast(fixed_price_usd as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) * 1000000000000 * priced_units
        end as call_yoctousd
    from weighed
),

amounts as (
    select
        *,
        {% for tier in ['list', 'cached'] -%}
            extra_yoctousd + case gateway_price_source
                when 'ratio' then {{ tier }}_quota_parts * 1000000 // quota_per_unit
                when 'formula' then {{ within_money('formula_' ~ tier ~ '_yoctousd') }}
                when 'per_call' then call_yoctousd
            end as gateway_{{ tier }}_yoctousd,
        {% endfor -%}
        extra_yoctousd * quota_per_unit // 1000000
        + case gateway_price_source when 'per_call' then call_yoctousd * quota_per_unit // 1000000 else cached_quota_parts end
            as charge_quota_parts
    from in_quota
),

gateway_rated as (
    select
        * exclude (
            {% for name in formula_counts.cached %}count_{{ name }}, {% endfor -%}
            {% for name in formula_names %}formula_{{ name }}_usd_per_mtok, uses_{{ name }}, {% endfor -%}
            has_formula, formula_list_yoctousd, formula_cached_yoctousd, list_weight, cached_weight, model_ratio_units, extra_yoctousd,
            priced_units, list_quota_parts, cached_quota_parts, call_yoctousd, charge_quota_parts
        ),
        {% for class in token_classes() -%}
            case
                when gateway_price_source = 'ratio' then {{ ratio_usd_per_mtok('model_ratio_units', class.ratio, 'quota_per_unit') }}
                {%- for name in class.formula[:-1] %}
                when gateway_price_source = 'formula' and uses_{{ name }} then formula_{{ name }}_usd_per_mtok
                {%- endfor %}
                when gateway_price_source = 'formula' then formula_{{ class.formula[-1] }}_usd_per_mtok
            end as gateway_{{ class['class'] }}_usd_per_mtok,
        {% endfor -%}
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
    from amounts
)

select * from gateway_rated
