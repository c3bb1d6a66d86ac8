{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
),

daily as (
    select
        ---------- grain
        event_date,
        source,
        workspace_id,
        api_key_id,
        member_id,
        group_name,
        provider,
        model_served,
        call_type,
        status,
        origin,

        ---------- labels
        max(api_key_name) as api_key_name,

        ---------- counts
        count(*) as requests,
        cast(sum(case when unpriced_reason is not null then 1 else 0 end) as bigint) as unpriced_requests,
        cast(sum(case when cache_read_tokens > 0 then 1 else 0 end) as bigint) as cache_read_requests,
        {% for tokens in usage_token_columns() -%}
            cast(sum({{ tokens }}) as bigint) as {{ tokens }},
        {% endfor %}
        ---------- money
        {% for cost in usage_cost_columns() -%}
            cast(coalesce(sum({{ cost }}), 0) as decimal(38, 12)) as {{ cost }}{{ ',' if not loop.last }}
        {% endfor %}
    from usage_costs
    group by
        event_date, source, workspace_id, api_key_id, member_id, group_name, provider, model_served, call_type, status,
        origin
)

select * from daily
