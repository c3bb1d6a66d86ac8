{#-
  What a gateway may have charged instead: the counterfactual amounts of int_usage_events_explained.

  Undiscounted amounts are whole units of 1e-18 USD ("atto", HUGEINT) and charges whole picodollars, rounded once, half
  away from zero, like every cost. A cause is an undiscounted difference to what the row should have cost, the factor it
  is charged at, and the part of the variance it makes: quantity, rate, formula, rounding or timing.

  Rulings: docs/decisions/variance.md
-#}

{#- A price per million tokens, DECIMAL(24,18), in atto per token. -#}
{% macro atto_price(usd_per_mtok) -%}
    cast({{ usd_per_mtok }} * cast(1000000000000 as decimal(13, 0)) as hugeint)
{%- endmacro %}

{#- What an event costs more, undiscounted, at the prices of another cell: atto. -#}
{% macro atto_at(alternative) -%}
    {%- for class, tokens in class_tokens().items() -%}
        {{ ' + ' if not loop.first }}{{ tokens }} * {{ alternative }}.{{ class }}
    {%- endfor -%}
{%- endmacro %}

{#- The same at list: every token at the price of its list class. -#}
{% macro list_atto_at(alternative) -%}
    {%- for class in token_classes() %}{{ ' + ' if not loop.first }}{{ class.tokens }} * {{ alternative }}.{{ class.list_as }}{% endfor %}
    {%- for class, tokens in tokenless_classes().items() %} + {{ tokens }} * {{ alternative }}.{{ class }}{% endfor -%}
{%- endmacro %}

{#- What the tokens of these classes cost at a price made of each one's own and that of the class it is listed as. -#}
{% macro class_atto(classes, price) %}
    {%- set costs = [] -%}
    {%- for class in classes -%}
        {%- set at = price.format(own = class['class'] ~ '_atto', listed = class.list_as ~ '_atto') -%}
        {%- do costs.append(class.tokens ~ ' * ' ~ at) -%}
    {%- endfor -%}
    {{ return(costs | join(' + ')) }}
{% endmacro %}

{#- What is charged when the undiscounted amount is off by so much: picodollars. -#}
{% macro charge(atto, factor_ppm = 'factor_ppm') -%}
    ((own_atto + {{ atto }}) * {{ factor_ppm }} + 500000000000) // 1000000000000
{%- endmacro %}

{#- Whole picodollars back to USD. -#}
{% macro pico_usd(pico) -%}
    cast(try_cast({{ pico }} as decimal(18, 0)) * cast(0.000000000001 as decimal(18, 12)) as decimal(18, 12))
{%- endmacro %}

{#-
  Counterfactual charges, by the name of `amount` in the variable variance_causes: (amount, condition). The columns are
  those of int_usage_events_explained; an alternative a model does not have is null and never equal.
-#}
{% macro counterfactual_charges() -%}
    {%- set read = token_classes(cached = 'read') -%}
    {%- set written = token_classes(cached = 'write') -%}
    {%- set read_gap = class_atto(read, '({listed} - {own})') -%}
    {%- set reads = class_atto(read, '{own}') -%}
    {%- set reads_as_input = class_atto(read, '{listed}') -%}
    {%- set write_gap = class_atto(written, '({listed} - {own})') -%}
    {%- set writes = class_atto(written, '{own}') -%}
    {%- set write_tokens = '(' ~ token_columns(written) | join(' + ') ~ ')' -%}
    {%- set as_requested -%}
        case service_tier_requested {% for tier in service_tiers() %}when '{{ tier }}' then {{ atto_at(tier) }} {% endfor %}end
    {%- endset -%}
    {{ return({
        'undiscounted': (charge('0', '1000000'), none),
        'stated_discount': (charge('0', 'stated_ppm'), none),
        'began_earlier': (charge(atto_at('earlier')), "time_basis = 'end' and began_at < earlier_until"),
        'ended_later': (charge(atto_at('later')), "time_basis = 'start' and ended_at >= later_from"),
        'earlier_prices': (charge(atto_at('earlier')), none),
        'later_prices': (charge(atto_at('later')), 'occurred_at >= later_from - interval 7 day'),
        'lower_tier': (charge(atto_at('lower_tier')), none),
        'upper_tier': (charge(atto_at('upper_tier')), none),
        'other_time': (charge(atto_at('other_time')), none),
        'tier_requested': (charge(as_requested), 'service_tier_requested != service_tier'),
        'standard': (charge(atto_at('standard')), none),
        'batch': (charge(atto_at('batch')), none),
        'flex': (charge(atto_at('flex')), none),
        'priority': (charge(atto_at('priority')), none),
        'fast': (charge(atto_at('fast')), none),
        'reads_as_input': (charge(read_gap), none),
        'writes_as_input': (charge(write_gap), none),
        'no_writes': (charge('-(' ~ writes ~ ')'), none),
        'prompt_as_input': (charge(read_gap ~ ' + ' ~ write_gap), none),
        'hour_writes_as_5m': (charge('cache_write_1h_tokens * (cache_write_5m_atto - cache_write_1h_atto)'), none),
        'no_reads': (charge('-(' ~ reads ~ ')'), none),
        'reads_as_input_too': (charge(reads_as_input), none),
        'reads_twice': (charge(reads), none),
        'writes_twice': (charge(writes), none),
        'writes_as_5m_too': (charge(write_tokens ~ ' * cache_write_5m_atto'), none),
        'writes_as_input_too': (charge(write_tokens ~ ' * input_atto'), none),
        'cache_as_input_too': (charge(reads_as_input ~ ' + ' ~ write_tokens ~ ' * input_atto'), none),
        'reasoning_as_output_too': (charge('reasoning_tokens * output_atto'), none),
        'audio_as_input_too': (charge('input_audio_tokens * input_atto'), none),
        'tokens_stated': (charge('unseen_atto'), none),
        'prices_stated': (charge('stated_atto'), none),
        'list_price': ('list_pico', none),
    }) }}
{%- endmacro %}

{#- The rows of variance_causes that are priced again, in their order: [reason, amount charged, condition]. -#}
{% macro recomputed_causes() -%}
    {%- set charges = counterfactual_charges() -%}
    {%- set causes = [] -%}
    {%- for cause in var('variance_causes') if cause.amount is defined -%}
        {%- set amount, condition = charges[cause.amount] -%}
        {%- do causes.append([cause.reason, amount, condition]) -%}
    {%- endfor -%}
    {{ return(causes) }}
{%- endmacro %}

{#- The part of the variance that a reason explains; null for a reason without one. -#}
{% macro part_of_reason(reason) -%}
    case {{ reason }}
        {%- for cause in var('variance_causes') if cause.part is defined %}
            when '{{ cause.reason }}' then '{{ cause.part }}'
        {%- endfor %}
        end
{%- endmacro %}

{#- USD in whole picodollars. -#}
{% macro whole_pico(usd) -%}
    cast(cast({{ usd }} as decimal(25, 12)) * cast(1000000000000 as decimal(13, 0)) as bigint)
{%- endmacro %}

{#- A price per token the row states, per million tokens. -#}
{% macro stated_price(side) -%}
    try_cast(stated_{{ side }}_usd_per_token * cast(1000000 as decimal(7, 0)) as decimal(24, 18))
{%- endmacro %}

{#- What a variance is split into; every row's parts sum to its cost_variance_usd. -#}
{% macro variance_parts() -%}
    {{ return(['quantity', 'rate', 'formula', 'rounding', 'timing']) }}
{%- endmacro %}

{#- A cell joined to the `others` that differ from it only in `dimension` and in prices. -#}
{% macro from_neighbours_in(dimension) -%}
    from cells
    inner join cells as others
        on
            cells.price_provider = others.price_provider
            and cells.price_model = others.price_model
            {% for shared in ['variant', 'valid_from', 'tier_start', 'tod_start'] if shared != dimension -%}
                and cells.{{ shared }} = others.{{ shared }}
            {% endfor -%}
            and cells.prices != others.prices
    group by cells.price_cell
{%- endmacro %}

{#- Reasons of unexplained charges, for which an undeclared field may be the cause. -#}
{% macro unexplained_reasons() -%}
    {{ return(var('variance_causes') | selectattr('is_unexplained', 'defined') | map(attribute = 'reason') | list) }}
{%- endmacro %}

{#-
  What rows of one variance_reason claim back: all that was charged, or what was charged too much. Rulings:
  docs/decisions/variance.md#variance-5
-#}
{% macro claim_usd() -%}
    {%- set charges, excesses = [], [] -%}
    {%- for cause in var('variance_causes') if 'meaning' in cause and not cause.is_settled and not cause.is_unexplained -%}
        {%- do (charges if cause.claims_charge else excesses).append(cause.reason) -%}
    {%- endfor -%}
    case
        when variance_reason in ('{{ charges | join("', '") }}') then sum(reported_cost_usd)
        when variance_reason in ('{{ excesses | join("', '") }}')
            then sum(case when adjusts_event_id is null then greatest(cost_variance_usd, 0) else cost_variance_usd end)
    end
{%- endmacro %}
