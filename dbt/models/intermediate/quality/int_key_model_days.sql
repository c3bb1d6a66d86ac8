{#- Rulings: docs/decisions/anomalies.md#anomalies-3, docs/decisions/closing.md#closing-4 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

-- What a key did with a model on a day, as the detectors compare it. An adjustment counts on the day it adjusts.

with usage_costs as (
    select
        *,
        {{ counted_requests() }} as counted,
        status in ('failure', 'timeout') as has_failed
    from {{ ref('fct_usage_costs') }}
),

daily as (
    select
        event_date,
        coalesce(adjusts_event_date, event_date) as usage_date,
        source,
        coalesce(workspace_id, '') as workspace_id,
        coalesce(api_key_id, '') as api_key_id,
        coalesce(member_id, '') as member_id,
        coalesce(model_requested, '') as model_requested,
        coalesce(model_served, '') as model_served,
        cast(sum(counted) as bigint) as requests,
        cast(sum(case when has_failed then counted else 0 end) as bigint) as failures,
        cast(sum(case when has_failed and reported_cost_usd > 0 then counted else 0 end) as bigint) as charged_failures,
        cast(sum(case when {{ fell_back() }} then counted else 0 end) as bigint) as fallbacks,
        cast(sum(case when unpriced_reason is not null then counted else 0 end) as bigint) as unpriced_requests,
        cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
        cast(coalesce(sum({{ cached_input_tokens() }}), 0) as bigint) as cached_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        cast(coalesce(sum(cache_optimized_cost_usd), 0) as decimal(38, 12)) as cost_usd,
        cast(coalesce(sum(reported_cost_usd), 0) as decimal(38, 12)) as reported_usd,
        cast(coalesce(sum(case when has_failed then reported_cost_usd end), 0) as decimal(38, 12)) as charged_failure_usd,
        quantile_disc(input_usd_per_mtok, 0.5) as input_usd_per_mtok,
        quantile_disc(output_usd_per_mtok, 0.5) as output_usd_per_mtok
    from usage_costs
    group by all
)

select * from daily
