{#- Rulings: docs/decisions/closing.md#closing-1, docs/decisions/closing.md#closing-2 -#}
with entries as (
    select * from {{ ref('int_usage_costs_closed') }}
),

files as (
    select * from {{ ref('stg_raw__files') }}
),

delivered as (
    select
        *,
        raw_file in (select files.landing_file from files) as is_delivered
    from entries
),

booked as (
    select
        booked_event_id,
        booked_event_date,
        {% for column in additive_columns() -%}
            sum({{ column }}) as booked_{{ column }},
        {% endfor -%}
        bool_or(is_delivered) as is_delivered,
        sum(booked_requests) as booked_requests,
        count(*) as booked_entries
    from delivered
    group by booked_event_id, booked_event_date
)

select * from booked
