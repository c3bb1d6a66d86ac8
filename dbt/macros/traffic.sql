{#- Rulings: docs/decisions/reports.md -#}
{#- What is counted of a minute's requests; all of it adds up. -#}
{% macro traffic_counts() -%}
    {{ return([
        'requests', 'successful_requests', 'failed_requests', 'timed_out_requests', 'cancelled_requests',
        'fallback_requests', 'streamed_requests', 'cache_read_requests', 'gateway_cache_requests', 'input_tokens',
        'output_tokens', 'total_tokens', 'cacheable_input_tokens', 'cache_read_tokens',
    ]) }}
{%- endmacro %}

{#- Sums of minutes; peaks must be computed from minutes that are already summed. -#}
{% macro traffic_sums() -%}
    {%- for count in traffic_counts() %}
        cast(sum({{ count }}) as bigint) as {{ count }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro traffic_rates() -%}
    {{ ratio('failed_requests', 'requests') }} as error_rate,
        {{ ratio('timed_out_requests', 'requests') }} as timeout_rate,
        {{ ratio('fallback_requests', 'requests') }} as fallback_rate,
        {{ ratio('cache_read_tokens', 'cacheable_input_tokens') }} as cache_hit_rate,
        {{ ratio('cache_read_requests', 'requests') }} as cache_hit_request_rate,
        {{ ratio('gateway_cache_requests', 'requests') }} as gateway_cache_hit_rate
{%- endmacro %}

{#- A gateway may not report the number of fallbacks: then another model answered than requested. -#}
{% macro fell_back() -%}
    coalesce(fallback_depth > 0, model_requested != model_served, false)
{%- endmacro %}
