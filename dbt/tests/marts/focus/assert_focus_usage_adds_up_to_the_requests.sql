{#- Rulings: docs/decisions/reports.md#reports-7 -#}
-- Compares a day's FOCUS costs at list and after discounts with the requests, to the last digit.
with requests as (
    select
        event_date,
        sum(cache_list_cost_usd) as list_cost,
        sum(cache_optimized_cost_usd) as contracted_cost,
        sum({{ counted_requests() }}) as requests
    from {{ ref('fct_usage_costs') }}
    where cache_optimized_cost_usd is not null and event_date in {{ unpublished_days('int_focus_usage_daily') }}
    group by event_date
),

focus_days as (
    select
        event_date,
        sum(list_cost_usd) as list_cost,
        sum(contracted_cost_usd) as contracted_cost,
        sum(requests) as requests
    from {{ ref('int_focus_usage_daily') }}
    where event_date in {{ unpublished_days('int_focus_usage_daily') }}
    group by event_date
)

select requests.event_date
from requests
left join focus_days on requests.event_date = focus_days.event_date
where
    requests.list_cost is distinct from focus_days.list_cost
    or requests.contracted_cost is distinct from focus_days.contracted_cost
    or requests.requests is distinct from focus_days.requests
