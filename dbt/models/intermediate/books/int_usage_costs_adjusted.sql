{#- Rulings: docs/decisions/closing.md -#}
with differing as materialized (
    select * from {{ ref('int_usage_costs_differing') }}
),

entries as (
    select * from {{ ref('int_usage_costs_closed') }}
),

closed_days as (
    select * from {{ ref('int_closed_days') }}
),

-- Never a day of a closed month, whatever the clock says.
found as (
    select cast(greatest(
        max(run.found_on), max(strptime(closed_days.month || '-01', '%Y-%m-%d')) + interval 1 month
    ) as date) as found_on
    from {{ run_state() }} as run
    left join closed_days on true
),

-- How an event was first booked: its row of the closed file, or the adjustment it came late with.
originals as (
    select *
    from entries
    where
        coalesce(adjustment_kind, 'late') = 'late'
        and booked_event_id in (select differing.differing_event_id from differing)
    qualify row_number() over (
        partition by booked_event_id, booked_event_date
        order by event_date
    ) = 1
),

-- What an event says today; one that vanished says what it was first booked with.
described as (
    select
        * exclude (
            {% for column in additive_columns() -%}
                booked_{{ column }},
            {% endfor -%}
            booked_event_id, booked_event_date, booked_requests, booked_entries, is_delivered, kind
        )
    from differing
    where kind != 'vanished'
    union all by name
    select
        * exclude (booked_event_id, booked_event_date, booked_requests, closed_columns),
        booked_event_id as differing_event_id,
        booked_event_date as differing_event_date
    from originals
    where (booked_event_id, booked_event_date) in (
        select (differing.differing_event_id, differing.differing_event_date)
        from differing
        where differing.kind = 'vanished'
    )
),

adjusted as (
    select
        described.* replace (
            concat('adjustment:', md5(concat_ws(
                '|', described.differing_event_id, described.differing_event_date, coalesce(now.booked_entries, 0)
            ))) as event_id,
            (select found.found_on from found) as event_date,
            cast((select found.found_on from found) as timestamp) as occurred_at,
            'adjustment' as event_type,
            described.differing_event_id as adjusts_event_id,
            described.differing_event_date as adjusts_event_date,
            now.kind as adjustment_kind,
            {% for column in additive_columns() -%}
                cast(
                    case
                        -- What the closed file did not have yet cannot be compared.
                        when not coalesce(list_contains(originals.closed_columns, '{{ column }}'), true)
                            then case when now.kind = 'late' then now.{{ column }} end
                        when now.kind = 'vanished' then -now.booked_{{ column }}
                        when now.{{ column }} is null and now.booked_{{ column }} is null then null
                        else coalesce(now.{{ column }}, now.booked_{{ column }}) - coalesce(now.booked_{{ column }}, 0)
                    end as {{ additive_type(column) }}
                ) as {{ column }},
            {% endfor -%}
            {% for column in var('adjustment_columns').attribution -%}
                case when originals.event_id is null then described.{{ column }} else originals.{{ column }} end as {{ column }},
            {% endfor -%}
            case when now.kind = 'late' then described.unpriced_reason end as unpriced_reason
        )
    from described
    inner join differing as now
        on
            described.differing_event_id = now.differing_event_id
            and described.differing_event_date = now.differing_event_date
    left join originals
        on
            described.differing_event_id = originals.booked_event_id
            and described.differing_event_date = originals.booked_event_date
),

shaped as (
    select * exclude (differing_event_id, differing_event_date) from adjusted
)

select * from shaped
