{{ config(materialized = 'daily', upstream = ['int_account_events']) }}

with account_events as (
    select * from {{ ref('int_account_events') }}
)

select * from account_events
