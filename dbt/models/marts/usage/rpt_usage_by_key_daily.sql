{{ config(materialized = 'daily', upstream = ['fct_usage_daily']) }}

{{ usage_rollup(['workspace_id', 'api_key_id'], labels = ['api_key_name']) }}
