{#- Rulings: docs/decisions/deliveries.md#deliveries-4 -#}
with files as (
    select * from {{ ref('stg_raw__files') }}
),

file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

repeated_events as (
    select * from {{ ref('int_usage_repeated_events') }}
),

account_events as (
    select * from {{ ref('fct_account_events') }}
),

account_event_repeats as (
    select * from {{ ref('int_account_event_repeats') }}
),

delivery_days as (
    select * from {{ ref('rpt_delivery_days') }}
),

completeness as (
    select * from {{ ref('fct_day_completeness') }}
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
        coalesce(
            array_to_string(
                list_sort(list_distinct(flatten(list(string_split(unknown_fields, ', ')) filter (where unknown_fields != '')))), ', '
            ), ''
        ) as unknown_fields
    from files
    group by source, stream, delivered_on
),

-- The results of a file's rows other than requests.
other_rows as (
    select
        raw_file,
        event_date,
        case when verdict = 'revision' then 0 else 1 end as duplicates,
        case when verdict = 'revision' then 1 else 0 end as revisions,
        case when is_repeated_identical then 1 else 0 end as repeated_identical,
        0 as account_events
    from repeated_events
    where verdict != 'kept'
    union all
    select
        raw_file,
        event_date,
        repeated_rows as duplicates,
        0 as revisions,
        0 as repeated_identical,
        0 as account_events
    from account_event_repeats
    union all
    select
        raw_file,
        event_date,
        0 as duplicates,
        0 as revisions,
        0 as repeated_identical,
        1 as account_events
    from account_events
),

other_rows_daily as (
    select
        files.source,
        files.stream,
        files.delivered_on,
        other_rows.event_date,
        cast(sum(other_rows.duplicates) as bigint) as duplicates,
        cast(sum(other_rows.revisions) as bigint) as revisions,
        cast(sum(other_rows.repeated_identical) as bigint) as repeated_identical,
        cast(sum(other_rows.account_events) as bigint) as account_events
    from other_rows
    inner join files on other_rows.raw_file = files.landing_file
    group by files.source, files.stream, files.delivered_on, other_rows.event_date
),

raw_rows_daily as (
    select
        source,
        stream,
        delivered_on,
        event_date,
        cast(sum(event_count) as bigint) as raw_rows
    from file_days
    group by source, stream, delivered_on, event_date
),

-- The requests a delivery should have led to, day by day.
due as (
    select
        raw_rows_daily.source,
        raw_rows_daily.stream,
        raw_rows_daily.delivered_on,
        raw_rows_daily.event_date,
        raw_rows_daily.raw_rows
        - coalesce(other_rows_daily.duplicates, 0)
        - coalesce(other_rows_daily.revisions, 0)
        - coalesce(other_rows_daily.account_events, 0) as requests
    from raw_rows_daily
    left join other_rows_daily
        on
            raw_rows_daily.source = other_rows_daily.source
            and raw_rows_daily.stream = other_rows_daily.stream
            and raw_rows_daily.delivered_on = other_rows_daily.delivered_on
            and raw_rows_daily.event_date = other_rows_daily.event_date
),

found_per_day as (
    select
        usage_date,
        sum(requests) as requests
    from delivery_days
    group by usage_date
),

-- The rows of a closed day name the files they were closed with, whatever was delivered since, and files of closed months
-- may be archived. So such a day is counted as a whole, and what it lacks is missing in its last delivery.
closed_days as (
    select
        due.event_date,
        least(coalesce(max(found_per_day.requests), 0) - sum(due.requests), 0) as surplus,
        max(struct_pack(
            delivered_on := due.delivered_on, source := due.source, stream := due.stream
        )) as last_delivery
    from due
    left join found_per_day on due.event_date = found_per_day.usage_date
    where due.event_date in {{ compared_closed_days('fct_usage_costs') }}
    group by due.event_date
),

requests_found as (
    select
        source,
        stream,
        delivered_on,
        requests
    from delivery_days
    where usage_date not in {{ compared_closed_days('fct_usage_costs') }}
    union all
    select
        source,
        stream,
        delivered_on,
        requests
    from due
    where event_date in {{ compared_closed_days('fct_usage_costs') }}
    union all
    select
        last_delivery.source,
        last_delivery.stream,
        last_delivery.delivered_on,
        surplus as requests
    from closed_days
),

requests as (
    select
        source,
        stream,
        delivered_on,
        cast(sum(requests) as bigint) as requests
    from requests_found
    group by source, stream, delivered_on
),

others as (
    select
        source,
        stream,
        delivered_on,
        cast(sum(duplicates) as bigint) as duplicates,
        cast(sum(revisions) as bigint) as revisions,
        cast(sum(repeated_identical) as bigint) as repeated_identical,
        cast(sum(account_events) as bigint) as account_events
    from other_rows_daily
    group by source, stream, delivered_on
),

-- Rows that have no day are no events: invoices, top-ups, sums that an API reports.
dated as (
    select
        source,
        stream,
        delivered_on,
        cast(sum(raw_rows) as bigint) as raw_rows,
        cast(sum(case when event_date < delivered_on - interval 1 day then raw_rows else 0 end) as bigint) as late_rows
    from raw_rows_daily
    group by source, stream, delivered_on
),

-- Days for which a stream of calls was due to deliver and did not have a row, too.
first_deliveries as (
    select
        files.source,
        files.stream,
        min(files.delivered_on) as first_delivered_on
    from files
    where (files.source, files.stream) in (select (file_days.source, file_days.stream) from file_days)
    group by files.source, files.stream
),

every_day as (
    select
        source,
        stream,
        delivered_on
    from per_delivery
    union
    select
        first_deliveries.source,
        first_deliveries.stream,
        completeness.event_date as delivered_on
    from first_deliveries
    inner join completeness
        on
            first_deliveries.source = completeness.source
            and first_deliveries.first_delivered_on <= completeness.event_date
    where completeness.is_delivery_missing or completeness.incomplete_reason = 'not_delivered'
),

source_days as (
    select
        every_day.source,
        every_day.stream,
        every_day.delivered_on,
        coalesce(per_delivery.files, 0) as files,
        coalesce(per_delivery.lines, 0) as lines,
        coalesce(requests.requests, 0)
        + coalesce(others.account_events, 0)
        + coalesce(per_delivery.raw_rows, 0)
        - coalesce(dated.raw_rows, 0) as events,
        coalesce(others.duplicates, 0) as duplicates,
        coalesce(others.revisions, 0) as revisions,
        coalesce(others.repeated_identical, 0) as repeated_identical,
        coalesce(per_delivery.rejects, 0) as rejects,
        coalesce(per_delivery.blank_lines, 0) as blank_lines,
        coalesce(dated.late_rows, 0) as late_rows,
        coalesce(per_delivery.unknown_fields, '') as unknown_fields,
        completeness.is_complete,
        completeness.incomplete_reason
    from every_day
    {% for counts in ['per_delivery', 'requests', 'others', 'dated'] -%}
    left join {{ counts }}
        on
            every_day.source = {{ counts }}.source
            and every_day.stream = {{ counts }}.stream
            and every_day.delivered_on = {{ counts }}.delivered_on
    {% endfor -%}
    left join completeness
        on every_day.source = completeness.source and every_day.delivered_on = completeness.event_date
)

select * from source_days
