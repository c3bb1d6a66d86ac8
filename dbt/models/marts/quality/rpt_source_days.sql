with files as (
    select * from {{ ref('stg_raw__files') }}
),

repeated_events as (
    select * from {{ ref('int_usage_repeated_events') }}
),

file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

per_delivery as (
    select
        source,
        stream,
        delivered_on,
        count(*) as files,
        cast(sum(line_count) as bigint) as lines,
        cast(sum(blank_line_count) as bigint) as blank_lines,
        cast(sum(reject_count) as bigint) as rejects,
        cast(sum(event_count) as bigint) as raw_rows,
        max(unknown_fields) as unknown_fields
    from files
    group by source, stream, delivered_on
),

superseded as (
    select
        files.source,
        files.stream,
        files.delivered_on,
        cast(sum(case when repeated_events.verdict in ('duplicate', 'companion') then 1 else 0 end) as bigint) as duplicates,
        cast(sum(case when repeated_events.verdict = 'revision' then 1 else 0 end) as bigint) as revisions
    from repeated_events
    inner join files on repeated_events.raw_file = files.landing_file
    where repeated_events.verdict != 'kept'
    group by files.source, files.stream, files.delivered_on
),

late as (
    select
        source,
        stream,
        delivered_on,
        cast(sum(case when event_date < delivered_on - interval 1 day then event_count else 0 end) as bigint) as late_rows
    from file_days
    group by source, stream, delivered_on
),

-- A delivery day is complete when a later one of the same stream has arrived.
source_days as (
    select
        per_delivery.source,
        per_delivery.stream,
        per_delivery.delivered_on,
        per_delivery.files,
        per_delivery.lines,
        per_delivery.raw_rows
        - coalesce(superseded.duplicates, 0)
        - coalesce(superseded.revisions, 0) as events,
        coalesce(superseded.duplicates, 0) as duplicates,
        coalesce(superseded.revisions, 0) as revisions,
        per_delivery.rejects,
        per_delivery.blank_lines,
        coalesce(late.late_rows, 0) as late_rows,
        per_delivery.unknown_fields,
        per_delivery.delivered_on < max(per_delivery.delivered_on) over (
            partition by per_delivery.source, per_delivery.stream
        ) as is_complete
    from per_delivery
    left join superseded
        on
            per_delivery.source = superseded.source
            and per_delivery.stream = superseded.stream
            and per_delivery.delivered_on = superseded.delivered_on
    left join late
        on
            per_delivery.source = late.source
            and per_delivery.stream = late.stream
            and per_delivery.delivered_on = late.delivered_on
)

select * from source_days
