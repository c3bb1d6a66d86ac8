{{ config(
    materialized = 'lake',
    upstream = ['int_usage_days', 'int_usage_repeated_events', 'int_pricing_days', 'int_usage_discounts'],
    history = {
        'adjustments': 'int_usage_costs_adjusted',
        'restated_requests': 'int_usage_costs_restated',
        'restated_days': 'int_days_restated',
    }
) }}

-- depends_on: {{ source('books', 'closings') }}
-- depends_on: {{ ref('int_usage_days') }}
-- depends_on: {{ ref('int_pricing_days') }}
-- depends_on: {{ ref('int_usage_costs_adjusted') }}
-- depends_on: {{ ref('int_usage_costs_restated') }}
-- depends_on: {{ ref('int_days_restated') }}
with usage_costs as (
    select * from {{ ref('int_usage_costs') }}
)

select * from usage_costs
