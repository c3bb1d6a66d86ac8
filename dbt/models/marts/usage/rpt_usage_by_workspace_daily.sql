{{ config(materialized = 'daily', upstream = ['fct_usage_daily']) }}

{{ usage_rollup(['workspace_id']) }}
