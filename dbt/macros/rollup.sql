{#- The measures every usage rollup carries, in one order. -#}

{% macro usage_token_columns() -%}
    {{ return([
        'uncached_input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'input_tokens',
        'output_tokens', 'reasoning_tokens', 'total_tokens',
    ]) }}
{%- endmacro %}

{% macro usage_cost_columns() -%}
    {{ return([
        'list_cost_usd', 'discounted_cost_usd', 'cache_optimized_cost_usd', 'discount_savings_usd',
        'cache_savings_usd', 'reported_cost_usd', 'cost_variance_usd',
    ]) }}
{%- endmacro %}

{#-
  fct_usage_daily summed to one row per day, source and `dimensions`; a null dimension becomes its own row, named
  'unattributed', so that every rollup has the same total. `labels` are taken from the row with the latest spelling.
-#}
{% macro usage_rollup(dimensions, labels = []) -%}
with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

rollup as (
    select
        event_date,
        source,
        {% for dimension in dimensions -%}
            coalesce({{ dimension }}, 'unattributed') as {{ dimension }},
        {% endfor -%}
        {% for label in labels -%}
            max({{ label }}) as {{ label }},
        {% endfor -%}
        cast(sum(requests) as bigint) as requests,
        cast(sum(case when status = 'success' then requests else 0 end) as bigint) as successful_requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        {% for tokens in usage_token_columns() -%}
            cast(sum({{ tokens }}) as bigint) as {{ tokens }},
        {% endfor -%}
        {% for cost in usage_cost_columns() -%}
            cast(sum({{ cost }}) as decimal(38, 12)) as {{ cost }}{{ ',' if not loop.last }}
        {% endfor %}
    from usage_daily
    group by
        event_date, source
        {%- for dimension in dimensions %}, coalesce({{ dimension }}, 'unattributed'){% endfor %}
)

select * from rollup
{%- endmacro %}
