{#- Rulings: docs/decisions/closing.md#closing-1, docs/decisions/closing.md#closing-2 -#}
with usage_costs as (
    select * from {{ ref('int_usage_costs') }}
),

booked as (
    select * from {{ ref('int_usage_costs_booked') }}
),

closed_days as (
    select * from {{ ref('int_closed_days') }}
),

as_now as (
    select *
    from usage_costs
    where
        {{ is_day_compared('event_date') }}
        and strftime(event_date, '%Y-%m') in (select closed_days.month from closed_days)
),

compared as (
    select
        as_now.*,
        booked.*,
        coalesce(as_now.event_id, booked.booked_event_id) as differing_event_id,
        coalesce(as_now.event_date, booked.booked_event_date) as differing_event_date,
        case
            when as_now.event_id is null then 'vanished'
            when coalesce(booked.booked_requests, 0) = 0 then 'late'
            else 'changed'
        end as kind
    from as_now
    full join booked on as_now.event_id = booked.booked_event_id and as_now.event_date = booked.booked_event_date
),

differing as (
    select *
    from compared
    where
        case kind
            when 'vanished' then booked_requests > 0 and is_delivered
            when 'late' then true
            else
                -- An amount nobody can tell any more stays what it was closed with.
                {% for amount in adjusted_amounts() -%}
                    coalesce({{ amount }} != coalesce(booked_{{ amount }}, 0), false){{ ' or ' if not loop.last }}
                {%- endfor %}
        end
)

select * from differing
