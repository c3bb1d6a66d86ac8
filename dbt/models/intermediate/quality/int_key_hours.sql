{#- Rulings: docs/decisions/anomalies.md#anomalies-3 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

-- A key's hours: calls, failures, cost, the busiest minute, and the most calls of one model within ten minutes that have
-- the same token counts. Texts of calls are not kept, so equal counts stand for equal calls.

with calls as (
    select
        event_date,
        occurred_at,
        source,
        coalesce(workspace_id, '') as workspace_id,
        coalesce(api_key_id, '') as api_key_id,
        model_served,
        input_tokens,
        output_tokens,
        case when status in ('failure', 'timeout') then 1 else 0 end as is_failure,
        cache_optimized_cost_usd
    from {{ ref('fct_usage_costs') }}
    where adjusts_event_id is null
),

minutes as (
    select
        event_date,
        date_trunc('minute', occurred_at) as minute_at,
        source,
        workspace_id,
        api_key_id,
        count(*) as requests,
        sum(is_failure) as failures,
        sum(cache_optimized_cost_usd) as cost_usd
    from calls
    group by all
),

identical_calls as (
    select
        event_date,
        time_bucket(interval 10 minutes, occurred_at) as bucket_at,
        source,
        workspace_id,
        api_key_id,
        model_served,
        input_tokens,
        output_tokens,
        count(*) as calls
    from calls
    where input_tokens + output_tokens > 0
    group by all
),

identical_hours as (
    select
        event_date,
        hour(bucket_at) as hour,
        source,
        workspace_id,
        api_key_id,
        max(calls) as most_identical
    from identical_calls
    group by all
),

hours as (
    select
        event_date,
        hour(minute_at) as hour,
        source,
        workspace_id,
        api_key_id,
        cast(sum(requests) as bigint) as requests,
        cast(sum(failures) as bigint) as failures,
        cast(coalesce(sum(cost_usd), 0) as decimal(38, 12)) as cost_usd,
        max(requests) as peak_rpm
    from minutes
    group by all
),

final as (
    select
        hours.*,
        coalesce(identical_hours.most_identical, 0) as most_identical
    from hours
    left join identical_hours
        on hours.event_date = identical_hours.event_date
        and hours.hour = identical_hours.hour
        and hours.source = identical_hours.source
        and hours.workspace_id = identical_hours.workspace_id
        and hours.api_key_id = identical_hours.api_key_id
)

select * from final
