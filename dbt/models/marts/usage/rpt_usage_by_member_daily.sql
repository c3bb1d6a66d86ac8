{#- Rulings: docs/decisions/reports.md#reports-2 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_daily']) }}

{{ usage_rollup(['workspace_id', 'member_id'], expressions = {'member_id': playground_member()}) }}
