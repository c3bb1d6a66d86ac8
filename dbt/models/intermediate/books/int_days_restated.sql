{#- Rulings: docs/decisions/closing.md#closing-5 -#}
{%- set totals = restated_totals() -%}

with days_replaced as (
    select * from {{ ref('int_days_replaced') }}
),

{% for side in ['before', 'after'] -%}
{{ side }} as (
    select * from {{ ref('int_usage_costs_' ~ side) }}
),

total_{{ side }} as (
    select
        event_date
        {%- for name, expression in totals.items() %},
            {{ expression }} as {{ name }}
        {%- endfor %}
    from {{ side }}
    group by event_date
),

{% endfor -%}
restated as (
    select
        days_replaced.restatement_id,
        strftime(days_replaced.restated_at, '%Y-%m-%d %H:%M:%S') as restated_at,
        days_replaced.event_date,
        days_replaced.cause,
        days_replaced.reason,
        days_replaced.before_file,
        days_replaced.after_file,
        days_replaced.compared_file
        {%- for side in ['before', 'after'] %}{% for name in totals %},
            cast(coalesce(total_{{ side }}.{{ name }}, 0) as varchar) as {{ side }}_{{ name }}
        {%- endfor %}{% endfor %}
    from days_replaced
    left join total_before on days_replaced.event_date = total_before.event_date
    left join total_after on days_replaced.event_date = total_after.event_date
)

select * from restated
