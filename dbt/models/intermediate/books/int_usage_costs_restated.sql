{#- Rulings: docs/decisions/closing.md#closing-5 -#}
{%- set shown = var('restatement_columns').shown -%}
{%- set unremarkable = var('restatement_columns').unremarkable -%}

with before as (
    select * from {{ ref('int_usage_costs_before') }}
),

after as (
    select * from {{ ref('int_usage_costs_after') }}
),

days_replaced as (
    select * from {{ ref('int_days_replaced') }}
),

differing as (
    select
        coalesce(before.event_date, after.event_date) as event_date,
        coalesce(before.event_id, after.event_id) as event_id,
        coalesce(before.source, after.source) as source,
        coalesce(before.request_id, after.request_id) as request_id,
        case when before.event_id is null then 'added' when after.event_id is null then 'removed' else 'changed' end as change
        {%- for column in shown %},
            before.{{ column }} as before_{{ column }},
            after.{{ column }} as after_{{ column }}
        {%- endfor %}
    from before
    full join after on before.event_date = after.event_date and before.event_id = after.event_id
    where
        before.event_id is null or after.event_id is null
        {%- for column in shown if column not in unremarkable %}
            or before.{{ column }} is distinct from after.{{ column }}
        {%- endfor %}
),

restated as (
    select
        days_replaced.restatement_id,
        differing.*
    from differing
    inner join days_replaced on differing.event_date = days_replaced.event_date
)

select * from restated
