with usage_by_workspace as (
    select * from {{ ref('rpt_usage_by_workspace_daily') }}
),

monthly as (
    select
        cast(date_trunc('month', billing_date) as date) as billing_month,
        source,
        workspace_id,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        {% for cost in usage_cost_columns() -%}
            cast(sum({{ cost }}) as decimal(38, 12)) as {{ cost }},
        {% endfor -%}
        {{ ratio('sum(' ~ cached_input_tokens() ~ ')', 'sum(' ~ cacheable_input_tokens() ~ ')') }} as cache_hit_rate
    from usage_by_workspace
    group by cast(date_trunc('month', billing_date) as date), source, workspace_id
),

savings as (
    select
        *,
        {{ savings_columns() }}
    from monthly
)

select * from savings
