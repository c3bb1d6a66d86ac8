-- Fails on a day whose charges, costs or variance differ from those of its requests, or whose parts do not sum to it.
with days as (
    select
        event_date,
        sum(requests) as requests,
        sum(charged_usd + unpriced_charge_usd) as reported_cost_usd,
        sum(recomputed_usd + unreported_cost_usd) as cache_optimized_cost_usd,
        sum(cost_variance_usd) as cost_variance_usd,
        count(*) filter (
            where charged_usd - recomputed_usd != cost_variance_usd
            or cost_variance_usd != {% for part in variance_parts() %}{{ part }}_variance_usd{{ ' + ' if not loop.last }}{% endfor %}
        ) as broken_rows
    from {{ ref('recon_reported_costs') }}
    group by event_date
),

request_days as (
    select
        event_date,
        sum({{ counted_requests() }}) as requests,
        coalesce(sum(reported_cost_usd), 0) as reported_cost_usd,
        coalesce(sum(cache_optimized_cost_usd), 0) as cache_optimized_cost_usd,
        coalesce(sum(cost_variance_usd), 0) as cost_variance_usd
    from {{ ref('fct_usage_costs') }}
    where event_date in {{ unpublished_days('fct_usage_costs') }}
    group by event_date
)

select request_days.event_date
from request_days
left join days on request_days.event_date = days.event_date
where
    request_days.requests is distinct from days.requests
    or request_days.reported_cost_usd != days.reported_cost_usd
    or request_days.cache_optimized_cost_usd != days.cache_optimized_cost_usd
    or request_days.cost_variance_usd != days.cost_variance_usd
    or days.broken_rows > 0
