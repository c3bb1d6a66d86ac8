{{ config(materialized = 'daily', upstream = ['fct_usage_daily']) }}

{{ usage_rollup(['provider', 'model_served'], ['priced_model', 'price_match']) }}
