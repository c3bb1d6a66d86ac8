{#- Rulings: docs/decisions/reports.md#reports-3 -#}
-- As of the last request a source has, not as of a clock: the same data give the same rows. A rolling window ends with that
-- request and begins the hours of its name before it; the UTC day it begins on is read request by request, all later
-- days from their sums. Day, week and month are those of the billing zone. The total of all sources is as of the last
-- request of any, the day of each source in its own zone.

with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

usage_costs as (
    select *
    from {{ ref('fct_usage_costs') }}
    where event_date in ({{ window_edge_days() }})
),

zones as (
    {{ source_settings(['billing_time_zone']) }}
),

seen as (
    select
        source,
        max(last_seen_at) as as_of
    from usage_daily
    where last_seen_at is not null
    group by source
),

horizons as (
    select
        source as counted_as,
        source,
        as_of
    from seen
    union all
    select
        'all' as counted_as,
        source,
        max(as_of) over () as as_of
    from seen
),

ends as (
    select
        horizons.*,
        {{ local_date('horizons.as_of', billing_time_zone('zones.billing_time_zone')) }} as today
    from horizons
    left join zones on horizons.source = zones.source
),

rolling as (
    {% for window, hours in rolling_windows().items() -%}
        select
            *,
            '{{ window }}' as window_name,
            as_of - interval {{ hours }} hour as starts_after
        from ends
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

calendar as (
    {% for window, unit in calendar_windows().items() -%}
        select
            *,
            '{{ window }}' as window_name,
            cast(date_trunc('{{ unit }}', today) as date) as starts_on
        from ends
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

{% set measures = ['requests', 'unpriced_requests', 'cache_read_requests'] + usage_token_columns() + usage_cost_columns() + ['credits_used'] -%}
{% set kept = ['workspace_id', 'api_key_id', 'member_id', 'origin', 'group_name', 'provider', 'model_served', 'status'] -%}

calendar_usage as (
    select
        calendar.counted_as as source,
        calendar.window_name,
        calendar.as_of
        {%- for column in kept + ['api_key_name', 'last_seen_at'] + measures %},
        usage_daily.{{ column }}
        {%- endfor %}
    from usage_daily
    inner join calendar on usage_daily.source = calendar.source and usage_daily.billing_date >= calendar.starts_on
),

whole_days as (
    select
        rolling.counted_as as source,
        rolling.window_name,
        rolling.as_of
        {%- for column in kept + ['api_key_name', 'last_seen_at'] + measures %},
        usage_daily.{{ column }}
        {%- endfor %}
    from usage_daily
    inner join rolling
        on usage_daily.source = rolling.source and usage_daily.event_date > cast(rolling.starts_after as date)
),

first_days as (
    select
        rolling.counted_as as source,
        rolling.window_name,
        rolling.as_of
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
    inner join rolling
        on usage_costs.source = rolling.source
        and usage_costs.event_date = cast(rolling.starts_after as date)
        and usage_costs.occurred_at > rolling.starts_after
),

window_usage as (
    select * from calendar_usage
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
        {{ "where source != 'all'" if scope != 'all' }}
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

saved as (
    select
        *,
        {{ savings_columns() }}
    from subjects
),

-- Unattributed usage has a row, but is never the top key.
ranked as (
    select
        saved.*,
        case
            when saved.subject != 'unattributed'
                then rank() over (
                    partition by saved.source, saved.window_name, saved.scope, saved.subject = 'unattributed'
                    order by saved.cache_optimized_cost_usd desc
                )
        end as spend_rank,
        {{ usd_ratio('saved.cache_optimized_cost_usd', 'totals.total_usd') }} as share_of_total
    from saved
    inner join totals on saved.source = totals.source and saved.window_name = totals.window_name
)

select * from ranked
