{#- Rulings: docs/decisions/reports.md#reports-3 -#}
-- As of the last request a source has, not as of a clock: the same data give the same rows. A rolling window ends with that
-- request and begins the hours of its name before it; the UTC day it begins on is read request by request, all later
-- days from their sums. The month is the one of the billing zone.

with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

usage_costs as (
    select *
    from {{ ref('fct_usage_costs') }}
    where event_date in ({{ window_edge_days() }})
),

watermarks as (
    select
        source,
        max(last_seen_at) as as_of,
        cast(date_trunc('month', max(billing_date)) as date) as month_start
    from usage_daily
    where last_seen_at is not null
    group by source
),

windows as (
    {% for window, hours in rolling_windows().items() -%}
        select
            source,
            as_of,
            '{{ window }}' as window_name,
            as_of - interval {{ hours }} hour as starts_after
        from watermarks
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

{% set measures = ['requests', 'unpriced_requests', 'cache_read_requests'] + usage_token_columns() + usage_cost_columns() + ['credits_used'] -%}
{% set kept = ['source', 'workspace_id', 'api_key_id', 'member_id', 'origin', 'group_name', 'provider', 'model_served', 'status'] -%}

month_usage as (
    select
        'month_to_date' as window_name,
        watermarks.as_of
        {%- for column in kept + ['api_key_name', 'last_seen_at'] + measures %},
        usage_daily.{{ column }}
        {%- endfor %}
    from usage_daily
    inner join watermarks
        on usage_daily.source = watermarks.source and usage_daily.billing_date >= watermarks.month_start
),

whole_days as (
    select
        windows.window_name,
        windows.as_of
        {%- for column in kept + ['api_key_name', 'last_seen_at'] + measures %},
        usage_daily.{{ column }}
        {%- endfor %}
    from usage_daily
    inner join windows
        on usage_daily.source = windows.source and usage_daily.event_date > cast(windows.starts_after as date)
),

first_days as (
    select
        windows.window_name,
        windows.as_of
        {%- for column in kept + ['api_key_name'] %},
        usage_costs.{{ column }}
        {%- endfor %},
        usage_costs.occurred_at as last_seen_at,
        {{ counted_requests() }} as requests,
        case when usage_costs.unpriced_reason is not null then 1 else 0 end as unpriced_requests,
        case when {{ cached_input_tokens() }} != 0 then {{ counted_requests() }} else 0 end as cache_read_requests
        {%- for tokens in usage_token_columns() %},
        coalesce(usage_costs.{{ tokens }}, 0) as {{ tokens }}
        {%- endfor %}
        {%- for cost in usage_cost_columns() %},
        coalesce(usage_costs.{{ cost }}, 0) as {{ cost }}
        {%- endfor %},
        coalesce(usage_costs.credits_used, 0) as credits_used
    from usage_costs
    inner join windows
        on usage_costs.source = windows.source
        and usage_costs.event_date = cast(windows.starts_after as date)
        and usage_costs.occurred_at > windows.starts_after
),

window_usage as (
    select * from month_usage
    union all
    select * from whole_days
    union all
    select * from first_days
),

subjects as (
    {% for scope, (workspace, subject) in usage_scopes().items() -%}
        select
            source,
            window_name,
            '{{ scope }}' as scope,
            coalesce({{ workspace }}, {{ "'all'" if scope in ('all', 'model') else "'unattributed'" }}) as workspace_id,
            coalesce({{ subject }}, 'unattributed') as subject,
            {{ latest_spelling('api_key_name', 'last_seen_at') if scope == 'api_key' else 'cast(null as varchar)' }} as subject_name,
            max(as_of) as as_of,
            max(last_seen_at) as last_seen_at,
            {{ usage_sums() }}
        from window_usage
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

totals as (
    select
        source,
        window_name,
        cache_optimized_cost_usd as total_usd
    from subjects
    where scope = 'all'
),

-- Unattributed usage has a row, but is never the top key.
ranked as (
    select
        subjects.*,
        case
            when subjects.subject != 'unattributed'
                then rank() over (
                    partition by subjects.source, subjects.window_name, subjects.scope, subjects.subject = 'unattributed'
                    order by subjects.cache_optimized_cost_usd desc
                )
        end as spend_rank,
        {{ usd_ratio('subjects.cache_optimized_cost_usd', 'totals.total_usd') }} as share_of_total
    from subjects
    inner join totals on subjects.source = totals.source and subjects.window_name = totals.window_name
)

select * from ranked
