{{ config(materialized = 'daily', upstream = ['fct_traffic_minutely', 'fct_latency_hourly']) }}

-- Peaks of different models are in different minutes and do not add: each scope's minutes are summed first.

{%- set scopes = {
    'all': "'all'",
    'workspace': "coalesce(workspace_id, 'unattributed')",
    'model': "coalesce(" ~ model_name() ~ ", 'unattributed')",
} %}
{%- set grain = ['event_date', 'source', 'scope', 'subject'] %}

with minutely as (
    select * from {{ ref('fct_traffic_minutely') }}
),

latency_buckets as (
    select * from {{ ref('fct_latency_hourly') }}
),

subject_minutes as (
    {% for scope, subject in scopes.items() -%}
        select
            event_date,
            source,
            '{{ scope }}' as scope,
            {{ subject }} as subject,
            minute_at,
            {{ traffic_sums() }}
        from minutely
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

subject_buckets as (
    {% for scope, subject in scopes.items() -%}
        select
            event_date,
            source,
            '{{ scope }}' as scope,
            {{ subject }} as subject,
            metric,
            bucket_ms,
            requests
        from latency_buckets
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

daily as (
    select
        {{ grain | join(', ') }},
        max(requests) as peak_rpm,
        min_by(minute_at, { 'fewer': -requests, 'minute_at': minute_at }) as peak_rpm_at,
        max(total_tokens) as peak_tpm,
        min_by(minute_at, { 'fewer': -total_tokens, 'minute_at': minute_at }) as peak_tpm_at,
        {{ traffic_sums() }}
    from subject_minutes
    group by {{ grain | join(', ') }}
),

latencies as (
    {{ latencies_from_buckets('subject_buckets', grain) }}
),

traffic as (
    select
        {% for column in grain -%}
            daily.{{ column }},
        {% endfor -%}
        {% for count in traffic_counts() -%}
            daily.{{ count }},
        {% endfor -%}
        {{ ratio('daily.requests', '1440') }} as mean_rpm,
        daily.peak_rpm,
        daily.peak_rpm_at,
        {{ ratio('daily.total_tokens', '1440') }} as mean_tpm,
        daily.peak_tpm,
        daily.peak_tpm_at,
        {{ traffic_rates() }},
        {% for column in latency_percentile_columns() -%}
            latencies.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from daily
    left join latencies
        on daily.event_date = latencies.event_date
        and daily.source = latencies.source
        and daily.scope = latencies.scope
        and daily.subject = latencies.subject
)

select * from traffic
