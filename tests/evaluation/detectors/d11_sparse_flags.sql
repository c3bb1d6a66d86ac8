-- A day of a sparse key that spends far more than its active days ever do.
with active as (
    select
        *,
        count(*) over before as active_days,
        quantile_cont(spend_usd, 0.95) over before as high_usd,
        median(ln(spend_usd + 0.01)) over before as middle,
        mad(ln(spend_usd + 0.01)) over before as spread
    from d03_key_days
    where requests > 0
    window before as (
        partition by source, workspace_id, api_key_id order by event_date asc rows between 40 preceding and 1 preceding
    )
)

select
    'sparse_burst' as detector,
    source, workspace_id, api_key_id, event_date,
    'up' as direction,
    high_usd as expected_usd,
    spend_usd as seen_usd,
    spend_usd / high_usd as score
from active
cross join d01_settings as settings
where
    is_sparse
    and active_days >= 5
    and spend_usd > 3.3 * high_usd
    and spend_usd > exp(middle + 2.5 * greatest(1.4826 * spread, 0.3))
    and spend_usd - high_usd >= settings.spend_floor_usd
