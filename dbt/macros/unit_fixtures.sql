{#- Rows for dbt unit tests: the columns pricing reads, with defaults, so that a case states only what it is about. -#}

{% macro unit_usage_events(events) -%}
    {%- set defaults = {
        'event_id': "'event'", 'source': "'infron'", 'price_provider': "'anthropic'", 'price_model': "'claude'",
        'service_tier': "'standard'", 'workspace_id': "'ws_1'", 'group_name': 'cast(null as varchar)',
        'api_key_id': "'key_1'", 'member_id': 'cast(null as varchar)', 'call_type': "'chat'",
        'occurred_at': "timestamp '2026-11-01 07:00:00'", 'event_date': "date '2026-11-01'", 'status': "'success'",
        'usage_source': "'reported'", 'billing_mode': "'token'", 'event_type': "'llm_call'", 'call_units': '1',
        'fixed_price_usd': 'cast(null as decimal(18, 12))', 'quota_used': 'cast(null as bigint)', 'price_formula': 'cast(null as varchar)', 'charge_rounding': "'half_away'", 'quota_per_unit': 'cast(null as bigint)', 'surcharge_picousd': 'cast(null as bigint)', 'wallet_cost_usd': 'cast(null as decimal(18, 12))', 'upstream_cost_usd': 'cast(null as decimal(18, 12))', 'plan_cost_usd': 'cast(null as decimal(18, 12))', 'reported_cost_usd': 'cast(null as decimal(18, 12))', 'stated_discount_factor': 'cast(null as decimal(9, 6))',
    } -%}
    {%- set tokens = {'input_tokens': 10000, 'output_tokens': 500, 'web_searches': 0} -%}
    {%- for column in token_columns(token_classes()) -%}{%- do tokens.update({column: 0}) -%}{%- endfor -%}
    {%- do tokens.update({'uncached_input_tokens': 10000, 'output_text_tokens': 500}) -%}
    {%- for event in events %}
    select
        {%- for column, value in defaults.items() %}
        {{ event.get(column, value) }} as {{ column }},
        {%- endfor %}
        {%- for ratio in [
            'model_ratio', 'completion_ratio', 'cache_ratio', 'cache_write_5m_ratio', 'cache_write_1h_ratio',
            'cache_write_ratio', 'image_ratio', 'audio_ratio', 'audio_output_ratio', 'audio_usd_per_mtok', 'group_ratio',
        ] %}
        cast({{ event.get(ratio, 'null') }} as decimal(18, 9)) as {{ ratio }},
        {%- endfor %}
        cast({{ event.get('cache_write_unsplit_tokens', 'null') }} as bigint) as cache_write_unsplit_tokens,
        {%- for column, value in tokens.items() %}
        cast({{ event.get(column, value) }} as bigint) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Usage events as int_usage_events_rated leaves them: 10,000 x $3 + 500 x $15 per million, unless a case says else. -#}
{% macro unit_rated_events(events) -%}
    {%- set defaults = {
        'list_picousd': 37500000000, 'cached_picousd': 37500000000, 'list_yoctousd': 'null', 'cached_yoctousd': 'null',
        'price_id': "'p'", 'reason_unmatched': 'cast(null as varchar)',
    } -%}
    {%- for event in events %}
    select
        events.*,
        cast({{ event.get('list_picousd', defaults.list_picousd) }} as bigint) as list_picousd,
        cast({{ event.get('cached_picousd', defaults.cached_picousd) }} as bigint) as cached_picousd,
        cast({{ event.get('list_yoctousd', defaults.list_yoctousd) }} as hugeint) as list_yoctousd,
        cast({{ event.get('cached_yoctousd', defaults.cached_yoctousd) }} as hugeint) as cached_yoctousd,
        cast(null as varchar) as gateway_price_source,
        cast(null as hugeint) as gateway_list_yoctousd,
        cast(null as bigint) as catalogue_list_picousd,
        cast(null as hugeint) as catalogue_list_yoctousd,
        cast({{ event.get('price_cell', 'null') }} as bigint) as price_cell,
        {{ event.get('price_id', defaults.price_id) }} as price_id,
        {{ event.get('reason_unmatched', defaults.reason_unmatched) }} as reason_unmatched
    from ({{ unit_usage_events([event]) }}) as events
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro unit_model_prices(prices) -%}
    {%- set classes = priced_classes() -%}
    {%- for price in prices %}
    select
        'anthropic' as price_provider,
        '{{ price.get("price_model", "claude") }}' as price_model,
        'standard' as variant,
        'standard' as priced_variant,
        timestamp '{{ price.get("valid_from", "0001-01-01 00:00:00") }}' as valid_from,
        timestamp '{{ price.get("valid_to", "9999-12-31 00:00:00") }}' as valid_to,
        cast({{ price.get('tier_start', 0) }} as bigint) as tier_start,
        cast({{ price.get('tier_end', 9223372036854775807) }} as bigint) as tier_end,
        time '{{ price.get("tod_start", "00:00:00") }}' as tod_start,
        time '{{ price.get("tod_end", "24:00:00") }}' as tod_end,
        'p' as price_id,
        cast({{ loop.index }} as bigint) as price_cell,
        '1' as price_version,
        'catalogue' as price_source,
        {%- set fine = namespace(any = false) %}
        {%- for class in classes %}
        {%- set value = price.get(class, '0') %}
        {%- if value.split('.')[-1] | length > 6 and '.' in value %}{% set fine.any = true %}{% endif %}
        cast({{ value }} as decimal(24, 18)) as {{ class }}_usd_per_mtok,
        cast(replace(cast(cast({{ value }} as decimal(24, 18)) as varchar), '.', '') as decimal(38, 0)) as {{ class }}_yoctousd,
        {%- endfor %}
        {%- for class in classes %}
        cast({{ 'null' if fine.any else price.get(class, '0') ~ ' * 1000000' }} as bigint) as {{ class }}_picousd,
        {%- endfor %}
        {{ fine.any }} as has_fine_price
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- 0.9 to pay for workspace ws_1 by rule r1, on a day or, without one, never. -#}
{% macro unit_discounts(day) -%}
    select
        cast({{ "'" ~ day ~ "'" if day else 'null' }} as date) as event_date,
        {%- for column in discount_subject() %}
        {{ "'ws_1'" if column == 'workspace_id' else 'cast(null as varchar)' }} as {{ column }},
        {{ column == 'workspace_id' }} as names_{{ column }},
        {%- endfor %}
        'r1' as discount_rule_id,
        cast(0.9 as decimal(9, 6)) as discount_factor
{%- endmacro %}

{#- The columns of stg_prices__formulas, and no row. -#}
{% macro unit_no_formulas() -%}
    {%- set counts = formula_names() -%}
    select
        cast(null as varchar) as price_formula,
        cast(null as varchar) as service_tier,
        cast('' as varchar) as other_service_tiers,
        {%- for count in counts + ['len'] %}
        cast(null as bigint) as {{ count }}_from,
        cast(null as bigint) as {{ count }}_to,
        {%- endfor %}
        {%- for count in counts %}
        cast(null as boolean) as uses_{{ count }},
        cast(null as decimal(24, 18)) as {{ count }}_usd_per_mtok,
        cast(null as hugeint) as {{ count }}_yoctousd,
        {%- endfor %}
        cast(null as hugeint) as constant_yoctousd
    where false
{%- endmacro %}
