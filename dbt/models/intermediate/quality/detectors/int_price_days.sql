{{ config(materialized = 'ephemeral') }}

-- Our unit price of a model and what its gateway charged per USD of ours, against two weeks before.

with daily as (
    select
        source,
        model_served,
        usage_date as event_date,
        cast(sum(requests) as double) as requests,
        cast(sum(cost_usd) as double) as cost_usd,
        cast(median(input_usd_per_mtok) as double) as input_price,
        cast(median(output_usd_per_mtok) as double) as output_price,
        cast(sum(reported_usd) as double) / nullif(cast(sum(cost_usd) as double), 0) as charged_ratio
    from {{ ref('int_key_model_days') }}
    where unpriced_requests = 0
    group by source, model_served, usage_date
),

logs as (
    select
        *,
        ln(case when charged_ratio > 0 then charged_ratio end) as log_charged,
        0.5 * (ln(case when input_price > 0 then input_price end) + ln(case when output_price > 0 then output_price end))
            as log_price
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
),

final as (
    select
        *,
        log_charged - usual_charged as charged_moved,
        log_price - usual_price as price_moved,
        1.4826 * median(abs(log_charged - usual_charged)) over (
            partition by source, model_served order by event_date asc rows between 28 preceding and 1 preceding
        ) as charged_spread
    from usual
)

select * from final
