{#- Rulings: docs/decisions/reports.md#reports-6 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
    where adjusts_event_id is null
),

fallbacks as (
    select
        event_date,
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        coalesce(model_requested, 'unknown') as model_requested,
        coalesce(model_served, 'unknown') as model_served,
        count(*) as requests,
        max(fallback_depth) as deepest_fallback,
        cast(sum(case when status = 'success' then 1 else 0 end) as bigint) as successful_requests,
        cast(coalesce(sum(cache_optimized_cost_usd), 0) as decimal(38, 12)) as cache_optimized_cost_usd
    from usage_costs
    where {{ fell_back() }}
    group by event_date, source, workspace_id, model_requested, model_served
)

select * from fallbacks
