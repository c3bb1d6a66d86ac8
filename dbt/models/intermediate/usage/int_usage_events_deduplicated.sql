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

deduplicated as (
    select usage_events.*
    from usage_events
    anti join superseded
        on
            usage_events.event_date = superseded.event_date
            and usage_events.event_id = superseded.event_id
            and usage_events.raw_file = superseded.raw_file
            and usage_events.raw_line = superseded.raw_line
)

select * from deduplicated
