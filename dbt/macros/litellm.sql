{#- What a LiteLLM payload and a row of its spend logs tell alike, under the names both readers have. -#}
{% macro litellm_call_columns() %}
    {{ return([
        'source', 'litellm_call_id', 'api_key_hash', 'api_key_alias', 'team_id', 'user_id', 'end_user', 'org_id',
        'occurred_at', 'started_at', 'ended_at', 'first_token_at',
        'call_type', 'request_route', 'error_code', 'error_class', 'attempted_fallbacks',
        'custom_llm_provider', 'model', 'model_group',
        'breakdown_service_tier', 'usage_service_tier', 'usage_speed', 'usage_traffic_type', 'usage_gemini_tier',
    ] + usage_reading_columns() + [
        'breakdown_total_cost', 'map_entry_key', 'map_input_cost_per_token', 'map_output_cost_per_token', 'unknown_fields',
        'raw_file', 'raw_line', 'delivered_on',
    ]) }}
{% endmacro %}

{#- Rows of the proxy's table LiteLLM_SpendLogs, which a dump and the API have alike. -#}
{% macro litellm_spend_rows(table, stream_rank) -%}
    select
        request_id,
        coalesce(nullif(status, ''), 'success') as status,
        -- Rows do not say whether the answer was streamed; the first token of one that was not is its last.
        case when first_token_at < ended_at then true end as is_stream,
        lower(cache_hit_text) = 'true' as cache_hit,
        spend as response_cost,
        {{ litellm_call_columns() | join(',\n        ') }},
        {{ stream_rank }} as stream_rank
    from {{ raw_events(table) }}
{%- endmacro %}
