{{ config(materialized = 'daily', upstream = ['fct_traffic_minutely', 'fct_latency_hourly']) }}

{%- set grain = ['event_date', 'hour_at', 'source', 'workspace_id', 'provider', 'model_served'] %}

with minutely as (
    select
        *,
        date_trunc('hour', minute_at) as hour_at
    from {{ ref('fct_traffic_minutely') }}
),

latency_buckets as (
    select * from {{ ref('fct_latency_hourly') }}
),

hourly as (
    select
        {{ grain | join(', ') }},
        max(requests) as peak_rpm,
        max(total_tokens) as peak_tpm,
        {{ traffic_sums() }}
    from minutely
    group by {{ grain | join(', ') }}
),

latencies as (
    {{ latencies_from_buckets('latency_buckets', grain) }}
),

traffic as (
    select
        {% for column in grain -%}
            hourly.{{ column }},
        {% endfor -%}
        {% for count in traffic_counts() -%}
            hourly.{{ count }},
        {% endfor -%}
        {{ ratio('hourly.requests', '60') }} as mean_rpm,
        hourly.peak_rpm,
        {{ ratio('hourly.total_tokens', '60') }} as mean_tpm,
        hourly.peak_tpm,
        {{ traffic_rates() }},
        {% for column in latency_percentile_columns() -%}
            latencies.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from hourly
    left join latencies
        on hourly.event_date = latencies.event_date
        and hourly.hour_at = latencies.hour_at
        and hourly.source = latencies.source
        and hourly.workspace_id is not distinct from latencies.workspace_id
        and hourly.provider is not distinct from latencies.provider
        and hourly.model_served is not distinct from latencies.model_served
)

select * from traffic
