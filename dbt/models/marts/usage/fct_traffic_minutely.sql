{#- Rulings: docs/decisions/reports.md#reports-5 -#}
{{ config(materialized = 'lake', upstream = ['fct_usage_costs']) }}

-- A request counts in the minute of occurred_at, which is its start or its end, by the source's time basis.
with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
    where adjusts_event_id is null
),

traffic as (
    select
        event_date,
        date_trunc('minute', occurred_at) as minute_at,
        source,
        workspace_id,
        provider,
        model_served,
        count(*) as requests,
        cast(sum(case when status = 'success' then 1 else 0 end) as bigint) as successful_requests,
        cast(sum(case when status = 'failure' then 1 else 0 end) as bigint) as failed_requests,
        cast(sum(case when status = 'timeout' then 1 else 0 end) as bigint) as timed_out_requests,
        cast(sum(case when status = 'cancelled' then 1 else 0 end) as bigint) as cancelled_requests,
        cast(sum(case when {{ fell_back() }} then 1 else 0 end) as bigint) as fallback_requests,
        cast(sum(case when is_stream then 1 else 0 end) as bigint) as streamed_requests,
        cast(sum(case when {{ cached_input_tokens() }} > 0 then 1 else 0 end) as bigint) as cache_read_requests,
        cast(sum(case when billing_mode = 'free' then 1 else 0 end) as bigint) as gateway_cache_requests,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(sum({{ cacheable_input_tokens() }}) as bigint) as cacheable_input_tokens,
        cast(sum({{ cached_input_tokens() }}) as bigint) as cache_read_tokens
    from usage_costs
    group by event_date, date_trunc('minute', occurred_at), source, workspace_id, provider, model_served
)

select * from traffic
