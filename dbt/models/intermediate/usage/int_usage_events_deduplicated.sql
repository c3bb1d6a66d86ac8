{#- Rulings: docs/decisions/copies.md, docs/decisions/usage.md#usage-3 -#}
with usage_events as (
    select * from {{ ref('int_usage_events') }}
),

superseded as (
    select
        event_date,
        event_id,
        raw_file,
        raw_line
    from {{ ref('int_usage_repeated_events') }}
    where verdict != 'kept'
),

kept as (
    select * from {{ ref('int_usage_repeated_events') }}
    where verdict = 'kept'
),

counted_once as (
    select usage_events.*
    from usage_events
    anti join superseded
        on
            usage_events.event_date = superseded.event_date
            and usage_events.event_id = superseded.event_id
            and usage_events.raw_file = superseded.raw_file
            and usage_events.raw_line = superseded.raw_line
),

-- Values missing from the kept copy come from the others.
filled as (
    select
        {% for column in usage_event_columns() -%}
            {% if column in usage_event_fill_columns() -%}
                coalesce(counted_once.{{ column }}, kept.{{ column }}) as {{ column }}
            {%- elif column in usage_event_token_columns() + usage_event_served_columns() -%}
                coalesce(kept.{{ column }}, counted_once.{{ column }}) as {{ column }}
            {%- else -%}
                counted_once.{{ column }}
            {%- endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from counted_once
    left join kept
        on counted_once.event_date = kept.event_date and counted_once.event_id = kept.event_id
)

select * from filled
