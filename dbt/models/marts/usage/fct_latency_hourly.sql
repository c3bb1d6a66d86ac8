{{ config(materialized = 'lake', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
    where adjusts_event_id is null
),

latencies as (
    {% for metric, milliseconds in latency_metrics().items() -%}
        select
            event_date,
            date_trunc('hour', occurred_at) as hour_at,
            source,
            workspace_id,
            provider,
            model_served,
            '{{ metric }}' as metric,
            cast({{ latency_bucket(milliseconds) }} as bigint) as bucket_ms,
            count(*) as requests
        from usage_costs
        where {{ milliseconds }} >= 0
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from latencies
