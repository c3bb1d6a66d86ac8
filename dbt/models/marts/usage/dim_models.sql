with usage_by_model as (
    select * from {{ ref('rpt_usage_by_model_daily') }}
),


used as (
    select
        source,
        provider,
        model_served,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests
    from usage_by_model
    group by source, provider, model_served
)

select * from used
