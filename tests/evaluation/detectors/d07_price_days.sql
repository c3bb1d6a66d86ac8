-- One row per source, model and day: our unit price and what the gateway charged per USD of ours, against two weeks before.
with daily as (
    select
        source,
        model_served,
        event_date,
        sum(requests) as requests,
        sum(cost_usd) as cost_usd,
        median(input_usd_per_mtok) as input_price,
        median(output_usd_per_mtok) as output_price,
        sum(reported_usd) / nullif(sum(cost_usd), 0) as charged_ratio
    from usage_days
    where unpriced_requests = 0
    group by source, model_served, event_date
),

logs as (
    select
        *,
        ln(nullif(charged_ratio, 0)) as log_charged,
        0.5 * (ln(nullif(input_price, 0)) + ln(nullif(output_price, 0))) as log_price
    from daily
    where requests >= 5
),

usual as (
    select
        *,
        count(*) over before as days,
        median(log_charged) over before as usual_charged,
        median(log_price) over before as usual_price
    from logs
    window before as (
        partition by source, model_served order by event_date asc rows between 14 preceding and 1 preceding
    )
)

select
    *,
    log_charged - usual_charged as charged_moved,
    log_price - usual_price as price_moved,
    1.4826 * median(abs(log_charged - usual_charged)) over (
        partition by source, model_served order by event_date asc rows between 28 preceding and 1 preceding
    ) as charged_spread
from usual
