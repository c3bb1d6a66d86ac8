{#- Rulings: docs/decisions/reports.md#reports-8 -#}
{#- The measures every usage rollup carries, in one order. -#}

{% macro usage_token_columns() -%}
    {{ return(token_columns(token_classes()) + ['input_tokens', 'output_tokens', 'total_tokens']) }}
{%- endmacro %}

{% macro usage_cost_columns() -%}
    {{ return([
        'list_cost_usd', 'discounted_cost_usd', 'cache_optimized_cost_usd', 'discount_savings_usd',
        'cache_savings_usd', 'reported_cost_usd', 'cost_variance_usd',
    ]) }}
{%- endmacro %}

{#- The member of a row of fct_usage_daily; API calls belong to their key, not to a member. -#}
{% macro playground_member() -%}
    case when origin = 'playground' then member_id end
{%- endmacro %}

{#- Rows of fct_usage_daily, or rows like them, summed: the select list of every rollup after its dimensions. -#}
{% macro usage_sums() -%}
    cast(sum(requests) as bigint) as requests,
        cast(sum(case when status = 'success' then requests else 0 end) as bigint) as successful_requests,
        cast(sum(case when status = 'failure' then requests else 0 end) as bigint) as failed_requests,
        cast(sum(case when status = 'timeout' then requests else 0 end) as bigint) as timed_out_requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        cast(sum(cache_read_requests) as bigint) as cache_read_requests,
        {% for tokens in usage_token_columns() -%}
            cast(coalesce(sum({{ tokens }}), 0) as bigint) as {{ tokens }},
        {% endfor -%}
        {{ ratio('sum(' ~ cached_input_tokens() ~ ')', 'sum(' ~ cacheable_input_tokens() ~ ')') }} as cache_hit_rate,
        {% for cost in usage_cost_columns() -%}
            cast(sum({{ cost }}) as decimal(38, 12)) as {{ cost }},
        {% endfor -%}
        cast(sum(credits_used) as bigint) as credits_used
{%- endmacro %}

{#-
  What discounts and the cache saved, of a row that has the three tiers: cache-optimized cost = list cost × effective
  discount factor × cache factor, rounded as money is.
-#}
{% macro savings_columns() -%}
    cast(discount_savings_usd + cache_savings_usd as decimal(38, 12)) as total_savings_usd,
        {{ usd_ratio('discount_savings_usd', 'list_cost_usd') }} as discount_share,
        {{ usd_ratio('cache_savings_usd', 'discounted_cost_usd') }} as cache_savings_share,
        {{ usd_ratio('discount_savings_usd + cache_savings_usd', 'list_cost_usd') }} as total_savings_share,
        cast({{ usd_factor('discounted_cost_usd', 'list_cost_usd') }} as decimal(38, 18)) as effective_discount_factor,
        cast({{ usd_factor('cache_optimized_cost_usd', 'discounted_cost_usd') }} as decimal(38, 18)) as cache_factor
{%- endmacro %}

{#- The last seen spelling of a name. -#}
{% macro latest_spelling(name, seen_at) -%}
    max(case when {{ name }} is not null then {'seen_at': {{ seen_at }}, 'name': {{ name }}} end).name
{%- endmacro %}

{#-
  fct_usage_daily summed to one row per UTC day, billing day, source and `dimensions`; a null dimension becomes its own
  row, named 'unattributed', so that every rollup has the same total. `expressions` define dimensions that are not
  columns; `labels` are taken from the row with the latest spelling.
-#}
{% macro usage_rollup(dimensions, labels = [], expressions = {}) -%}
with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

rollup as (
    select
        event_date,
        billing_date,
        source,
        {% for dimension in dimensions -%}
            coalesce({{ expressions.get(dimension, dimension) }}, 'unattributed') as {{ dimension }},
        {% endfor -%}
        {% for label in labels -%}
            {{ latest_spelling(label, 'last_seen_at') }} as {{ label }},
        {% endfor -%}
        {{ usage_sums() }}
    from usage_daily
    group by
        event_date, billing_date, source
        {%- for dimension in dimensions %}, coalesce({{ expressions.get(dimension, dimension) }}, 'unattributed'){% endfor %}
),

saved as (
    select
        *,
        {{ savings_columns() }}
    from rollup
)

select * from saved
{%- endmacro %}
