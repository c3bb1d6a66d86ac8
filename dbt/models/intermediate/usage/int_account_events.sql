{{ config(materialized = 'daily', upstream = ['int_usage_days']) }}

-- depends_on: {{ ref('int_usage_days') }}
with ranked as (
    select * from {{ ref('int_account_events_ranked') }}
),

latest as (
    select
        * exclude (delivery_rank, delivery_count),
        delivery_count as deliveries
    from ranked
    where delivery_rank = 1
)

select * from latest
