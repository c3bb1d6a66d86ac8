{#- Rulings: docs/decisions/closing.md#closing-1 -#}
with closed_days as (
    select * from {{ ref('int_closed_days') }}
),

-- An adjustment is of the day it adjusts, even if the day it was found on is closed by now.
kept as (
    select *
    from {{ rows_of_requests('booked_files', otherwise_every_file = true) }}
    where
        filename like '%/adjustments-%'
        or filename in (select {{ lake_path('closed_days.file') }} from closed_days)
),

entries as (
    select
        * exclude (filename),
        coalesce(adjusts_event_id, event_id) as booked_event_id,
        coalesce(adjusts_event_date, event_date) as booked_event_date,
        {{ counted_requests() }} as booked_requests,
        cast(getvariable('closed_columns') as varchar[]) as closed_columns
    from kept
),

compared as (
    select *
    from entries
    where {{ is_day_compared('booked_event_date') }} and {{ is_day_shown('booked_event_date') }}
)

select * from compared
