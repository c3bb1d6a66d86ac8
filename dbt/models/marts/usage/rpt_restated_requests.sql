{#- Rulings: docs/decisions/closing.md#closing-5 -#}
{{ config(materialized = 'view') }}
{%- do source('books', 'restated_requests') %}
{%- set files = lake_files('rpt_restated_requests/event_date=*/*.parquet') if execute else [] %}

-- depends_on: {{ ref('fct_usage_costs') }}
with restated_requests as (
    select * from {{ rows_of_files(files, contract_columns('rpt_restated_requests')) }}
)

select * from restated_requests
