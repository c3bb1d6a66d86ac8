{#- Rulings: docs/decisions/closing.md#closing-5 -#}
{{ config(materialized = 'view') }}

-- depends_on: {{ ref('fct_usage_costs') }}
{%- set names = {
    'restatement_id': 'varchar', 'event_date': 'date', 'event_id': 'varchar', 'source': 'varchar', 'request_id': 'varchar',
    'change': 'varchar',
} %}
{%- set compared = {
    'input_tokens': 'bigint',
    'output_tokens': 'bigint',
    'list_cost_usd': 'decimal(18,12)',
    'discounted_cost_usd': 'decimal(18,12)',
    'cache_optimized_cost_usd': 'decimal(18,12)',
    'reported_cost_usd': 'decimal(18,12)',
    'price_version': 'varchar',
    'discount_rule_id': 'varchar',
    'discount_factor': 'decimal(9,6)',
    'unpriced_reason': 'varchar',
} %}
{%- for name, type in compared.items() -%}
    {%- do names.update({'before_' ~ name: type, 'after_' ~ name: type}) -%}
{%- endfor %}
{%- set columns = [] -%}
{%- for name, type in names.items() -%}{%- do columns.append({'name': name, 'dtype': type}) -%}{%- endfor %}

with restated_requests as (
    select * from {{ rows_of_files(lake_files('rpt_restated_requests/event_date=*/*.parquet') if execute else [], columns) }}
)

select * from restated_requests
