{#-
  The one shape every gateway's staging model ends in. int_usage_events selects these columns by name from each, so their
  order in a staging model is free and a forgotten one is an error.
-#}
{% macro usage_event_columns() %}
    {{ return([
        'source', 'request_id', 'event_id', 'upstream_request_id', 'workspace_id', 'api_key_id', 'api_key_name',
        'member_id', 'origin', 'group_name',
        'occurred_at', 'event_date', 'time_basis',
        'event_type', 'call_type', 'request_path', 'status', 'http_status', 'error_code', 'is_stream', 'duration_ms',
        'ttft_ms', 'gateway_overhead_ms', 'fallback_depth',
        'provider', 'model_requested', 'model_served', 'price_provider', 'price_model', 'service_tier',
        'service_tier_requested',
    ] + token_columns(token_classes()) + [
        'input_tokens', 'output_tokens', 'reported_total_tokens', 'web_searches', 'call_units', 'usage_source', 'usage_reading',
        'cache_told', 'tells_groups',
        'billing_mode', 'stated_discount_factor', 'fixed_price_usd', 'model_ratio', 'completion_ratio', 'cache_ratio',
        'cache_write_5m_ratio', 'cache_write_1h_ratio', 'cache_write_ratio', 'cache_write_unsplit_tokens',
        'image_ratio', 'audio_ratio', 'audio_output_ratio', 'audio_usd_per_mtok', 'group_ratio', 'surcharge_picousd',
        'price_formula', 'quota_per_unit', 'charge_rounding', 'unknown_fields',
        'reported_cost_usd', 'reported_list_cost_usd', 'reported_discounted_cost_usd', 'stated_input_usd_per_token',
        'stated_output_usd_per_token', 'is_gateway_unpriced', 'is_gateway_cache_hit', 'credits_used', 'quota_used',
        'billing_source', 'wallet_cost_usd', 'upstream_cost_usd', 'plan_cost_usd',
        'is_response', 'stream_rank', 'raw_file', 'raw_line', 'delivered_on',
    ]) }}
{% endmacro %}

{#-
  Columns a source does not carry, as typed nulls (tokens: as zero), by group and without the columns in `except`:
  ratios, unknown, reported_tiers, stated_prices, funding, credits, quota, media_tokens, searches.
-#}
{% macro absent(group, except = []) -%}
    {%- set media_tokens = {} -%}
    {%- for tokens in token_columns(media_classes()) -%}{%- do media_tokens.update({tokens: 0}) -%}{%- endfor -%}
    {%- set groups = {
        'ratios': {
            'fixed_price_usd': 'decimal(18, 12)', 'model_ratio': 'decimal(18, 9)', 'completion_ratio': 'decimal(18, 9)',
            'cache_ratio': 'decimal(18, 9)', 'cache_write_5m_ratio': 'decimal(18, 9)',
            'cache_write_1h_ratio': 'decimal(18, 9)', 'cache_write_ratio': 'decimal(18, 9)',
            'cache_write_unsplit_tokens': 'bigint', 'image_ratio': 'decimal(18, 9)', 'audio_ratio': 'decimal(18, 9)',
            'audio_output_ratio': 'decimal(18, 9)', 'audio_usd_per_mtok': 'decimal(18, 12)',
            'group_ratio': 'decimal(18, 9)', 'surcharge_picousd': 'bigint', 'price_formula': 'varchar',
            'quota_per_unit': 'bigint', 'charge_rounding': 'varchar',
        },
        'reported_tiers': {
            'reported_list_cost_usd': 'decimal(18, 12)', 'reported_discounted_cost_usd': 'decimal(18, 12)',
        },
        'stated_prices': {
            'stated_input_usd_per_token': 'decimal(24, 18)', 'stated_output_usd_per_token': 'decimal(24, 18)',
            'is_gateway_unpriced': 'boolean',
        },
        'funding': {
            'billing_source': 'varchar', 'wallet_cost_usd': 'decimal(18, 12)', 'upstream_cost_usd': 'decimal(18, 12)',
            'plan_cost_usd': 'decimal(18, 12)',
        },
        'credits': {'credits_used': 'bigint'},
        'unknown': {'unknown_fields': 'varchar'},
        'quota': {'quota_used': 'bigint'},
        'media_tokens': media_tokens,
        'searches': {'web_searches': 0},
    } -%}
    {%- for column, type in groups[group].items() if column not in except -%}
        {%- if type == 0 -%}cast(0 as bigint) as {{ column }}{%- else -%}cast(null as {{ type }}) as {{ column }}{%- endif -%}
        {{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- Columns that one export of a call carries and another does not: filled from the copies that were not kept. -#}
{% macro usage_event_fill_columns() %}
    {{ return([
        'upstream_request_id', 'workspace_id', 'api_key_id', 'api_key_name', 'member_id', 'group_name', 'request_path',
        'http_status', 'error_code', 'is_stream', 'duration_ms', 'ttft_ms', 'gateway_overhead_ms', 'fallback_depth',
        'origin', 'model_requested', 'service_tier_requested',
        'stated_discount_factor', 'reported_cost_usd', 'credits_used', 'quota_used', 'unknown_fields',
    ]) }}
{% endmacro %}

{#- Taken as one block from the best copy that splits them: mixing two copies' classes would count tokens twice. -#}
{% macro usage_event_token_columns() %}
    {{ return(
        token_columns(token_classes())
        + ['input_tokens', 'output_tokens', 'web_searches', 'usage_source', 'usage_reading', 'cache_told']
    ) }}
{% endmacro %}

{#- Columns of the model that served a call, taken as one block from the copy that is the response. -#}
{% macro usage_event_served_columns() %}
    {{ return(['provider', 'model_served', 'price_provider', 'price_model']) }}
{% endmacro %}

{#- The reader's columns of a call's counts (ingestion/usage), the same for every stream with a usage object. -#}
{% macro usage_reading_columns() %}
    {{ return(usage_event_token_columns() | reject('equalto', 'cache_told') | list + ['reported_total_tokens']) }}
{% endmacro %}
