{#- What the steps over closed and restated days share (models/intermediate/books/). Rulings: docs/decisions/closing.md -#}

{#- A row of fct_usage_costs counts as this many requests. -#}
{% macro counted_requests() -%}
    case adjustment_kind when 'changed' then 0 when 'vanished' then -1 else 1 end
{%- endmacro %}

{#- Columns whose differences alone are worth an adjustment: tokens and what they cost, list to charged. -#}
{% macro adjusted_amounts() %}
    {{ return(usage_token_columns() + var('adjustment_columns').amounts) }}
{% endmacro %}

{#- Columns of which an adjustment has the difference. -#}
{% macro additive_columns() %}
    {{ return(adjusted_amounts() + var('adjustment_columns').differences) }}
{% endmacro %}

{#- Type of an additive column: exact money, else a count. -#}
{% macro additive_type(column) -%}
    {{ 'decimal(18, 12)' if column.endswith('_usd') else 'bigint' }}
{%- endmacro %}

{#- Whether a day is one that the build compares with its closing; any day where nothing says which. -#}
{% macro is_day_compared(day) -%}
    (getvariable('compared_days') is null or list_contains(cast(getvariable('compared_days') as date []), {{ day }}))
{%- endmacro %}

{#- What the record of a restatement adds up of a day, before and after. -#}
{% macro restated_totals() %}
    {{ return({
        'requests': 'count(*)',
        'unpriced_requests': 'count(unpriced_reason)',
        'list_cost_usd': 'sum(list_cost_usd)',
        'discounted_cost_usd': 'sum(discounted_cost_usd)',
        'cache_optimized_cost_usd': 'sum(cache_optimized_cost_usd)',
    }) }}
{% endmacro %}

{#- What lake/restatements/ holds, one row per restatement and day; amounts are text there, with every digit. -#}
{% macro restatement_records() -%}
    {%- do source('books', 'restatements') -%}
    {%- set columns = {
        'restatement_id': 'varchar', 'restated_at': 'timestamp', 'event_date': 'date', 'cause': 'varchar', 'reason': 'varchar',
        'before_file': 'varchar', 'after_file': 'varchar', 'compared_file': 'varchar',
    } -%}
    {%- for side in ['before', 'after'] -%}
        {%- for name in restated_totals() -%}{%- do columns.update({side ~ '_' ~ name: 'varchar'}) -%}{%- endfor -%}
    {%- endfor -%}
    {%- set files = lake_files('restatements/*.json') if execute else [] -%}
    {%- if files -%}
        read_json({{ sql_list(files) }}, format = 'newline_delimited', columns = {
            {%- for name, type in columns.items() %}{{ name }}: '{{ type }}'{{ ', ' if not loop.last }}{% endfor -%}
        })
    {%- else -%}
        (
            select
                {%- for name, type in columns.items() %} cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}{% endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}
