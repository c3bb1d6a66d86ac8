{#- Rulings: docs/decisions/deliveries.md#deliveries-5 -#}
-- One row per source of calls and UTC day: whether everything that was due for it has arrived, and what is missing.

with files as (
    select * from {{ ref('stg_raw__files') }}
),

file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

statuses as (
    select * from {{ ref('stg_raw__source_status') }}
),

traffic_hourly as (
    select * from {{ ref('fct_traffic_hourly') }}
),

api_rows as (
    select * from {{ ref('int_usage_api_rows') }}
),

-- Streams with at least half as many calls as the source's largest one; the others may be partial copies of them.
main_streams as (
    select
        source,
        stream
    from file_days
    group by source, stream
    qualify 2 * sum(event_count) >= max(sum(event_count)) over (partition by source)
),

main_files as (
    select
        files.source,
        files.landing_file,
        files.delivered_on
    from files
    inner join main_streams on files.source = main_streams.source and files.stream = main_streams.stream
),

deliveries as (
    select
        source,
        min(delivered_on) as first_delivered_on,
        max(delivered_on) as last_delivered_on,
        max(max(delivered_on)) over () as last_delivered_on_of_all
    from main_files
    group by source
),

-- The day a file is for: the latest with at least a quarter as many calls as its fullest. Calls of a few minutes before or
-- after midnight may be in the file of the other day.
ranked_file_days as (
    select
        landing_file,
        event_date,
        event_count,
        max(event_count) over (partition by landing_file) as most_events
    from file_days
),

days_of_files as (
    select
        landing_file,
        max(event_date) as event_date
    from ranked_file_days
    where 4 * event_count >= most_events
    group by landing_file
),

lags_of_deliveries as (
    select distinct
        main_files.source,
        main_files.delivered_on,
        {{ dbt.datediff('days_of_files.event_date', 'main_files.delivered_on', 'day') }} as lag_days
    from main_files
    inner join days_of_files on main_files.landing_file = days_of_files.landing_file
),

-- Days from a day to the delivery of its calls. More than a week is history that was delivered at once.
usual_lags as (
    select
        source,
        quantile_disc(lag_days, 0.5) as lag_days
    from lags_of_deliveries
    where lag_days between 0 and 7
    group by source
),

-- A file without a call states that there was none on its day.
delivered as (
    select
        main_files.source,
        coalesce(
            days_of_files.event_date,
            main_files.delivered_on - cast(coalesce(usual_lags.lag_days, 0) as integer)
        ) as event_date,
        cast(count(*) as bigint) as files
    from main_files
    left join days_of_files on main_files.landing_file = days_of_files.landing_file
    left join usual_lags on main_files.source = usual_lags.source
    group by all
),

usual_files as (
    select
        source,
        event_date,
        case
            when count(*) over seven_before = 7 and min(files) over seven_before = max(files) over seven_before
                then min(files) over seven_before
        end as usual_files
    from delivered
    window seven_before as (partition by source order by event_date asc rows between 7 preceding and 1 preceding)
),

missing_of_streams as (
    select
        source,
        unnest(missing_deliveries, recursive := true)
    from statuses
),

missing_deliveries as (
    select distinct
        missing_of_streams.source,
        missing_of_streams.missing_on
    from missing_of_streams
    inner join main_streams
        on missing_of_streams.source = main_streams.source and missing_of_streams.stream = main_streams.stream
),

logged as (
    select
        source,
        event_date,
        cast(sum(requests) as bigint) as requests,
        cast(sum(requests - failed_requests - timed_out_requests) as bigint) as logged_requests
    from traffic_hourly
    group by source, event_date
),

-- Every day since the first, at most a year before the first delivery; of an earlier one only days with calls.
first_days as (
    select
        deliveries.source,
        deliveries.last_delivered_on_of_all,
        greatest(min(file_days.event_date), deliveries.first_delivered_on - 366) as first_date
    from deliveries
    inner join file_days on deliveries.source = file_days.source
    group by deliveries.source, deliveries.first_delivered_on, deliveries.last_delivered_on_of_all
),

days as (
    select
        source,
        cast(unnest(generate_series(first_date, last_delivered_on_of_all, interval 1 day)) as date) as event_date
    from first_days
    union
    select
        source,
        event_date
    from file_days
    union
    select
        source,
        event_date
    from logged
),

-- An hour is missing if nothing was called in it, and the same hour of the last six such weekdays hardly ever had fewer than
-- twelve calls, reduced by as much as the rest of this day is quieter than those.
hourly as (
    select
        source,
        event_date,
        cast(extract('hour' from hour_at) as integer) as hour_of_day,
        sum(requests) as requests
    from traffic_hourly
    group by all
),

hours_of_day as (
    select cast(unnest(range(24)) as integer) as hour_of_day
),

every_hour as (
    select
        days.source,
        days.event_date,
        hours_of_day.hour_of_day,
        coalesce(hourly.requests, 0) as requests
    from days
    cross join hours_of_day
    left join hourly
        on
            days.source = hourly.source
            and days.event_date = hourly.event_date
            and hours_of_day.hour_of_day = hourly.hour_of_day
),

usual_hours as (
    select
        source,
        event_date,
        requests,
        count(*) over same_weekdays as weeks,
        quantile_disc(requests, 0.2) over same_weekdays as low_requests,
        median(requests) over same_weekdays as usual_requests
    from every_hour
    window same_weekdays as (
        partition by source, hour_of_day, dayofweek(event_date)
        order by event_date asc rows between 6 preceding and 1 preceding
    )
),

levelled_hours as (
    select
        *,
        coalesce(least(1, sum(case when requests > 0 then requests end) over source_day
            / nullif(sum(case when requests > 0 then usual_requests end) over source_day, 0)), 1) as quietness
    from usual_hours
    window source_day as (partition by source, event_date)
),

hours_of_days as (
    select
        source,
        event_date,
        cast(count(case when requests > 0 then 1 end) as bigint) as hours_with_calls,
        cast(count(
            case when requests = 0 and weeks >= 3 and low_requests * quietness >= 12 then 1 end
        ) as bigint) as missing_hours,
        case when min(weeks) >= 3 then sum(usual_requests) end as usual_requests
    from levelled_hours
    group by source, event_date
),

-- What the gateway itself counts for a whole day or less. Groupings count the same calls.
api_windows as (
    select
        usage_api,
        source,
        grouping_name,
        first_date as event_date,
        period_start_at,
        period_end_at,
        sum(requests) as requests
    from api_rows
    where log_provider is null and first_date = last_date and requests is not null
    group by all
),

api_days as (
    select
        source,
        event_date,
        sum(requests) as requests
    from api_windows
    group by usage_api, source, grouping_name, event_date
    having sum({{ dbt.datediff('period_start_at', 'period_end_at', 'second') }}) <= 86400
),

reported as (
    select
        source,
        event_date,
        cast(max(requests) as bigint) as reported_requests
    from api_days
    group by source, event_date
),

weekday_medians as (
    select
        days.source,
        dayofweek(days.event_date) as weekday,
        median(coalesce(logged.requests, 0)) as requests
    from days
    left join logged on days.source = logged.source and days.event_date = logged.event_date
    group by all
),

-- Days in the middle of a file that holds several.
spans as (
    select
        main_files.source,
        min(file_days.event_date) as first_date,
        max(file_days.event_date) as last_date
    from main_files
    inner join file_days on main_files.landing_file = file_days.landing_file
    group by main_files.source, main_files.landing_file
    having max(file_days.event_date) - min(file_days.event_date) > 1
),

spanned as (
    select distinct
        days.source,
        days.event_date
    from days
    inner join spans
        on days.source = spans.source and spans.first_date < days.event_date and days.event_date < spans.last_date
),

gathered as (
    select
        days.source,
        days.event_date,
        deliveries.last_delivered_on,
        days.event_date + cast(coalesce(usual_lags.lag_days, 0) as integer) as due_on,
        missing_deliveries.missing_on is not null as is_delivery_missing,
        spanned.event_date is not null as is_spanned,
        coalesce(delivered.files, 0) as files,
        usual_files.usual_files,
        coalesce(logged.requests, 0) as requests,
        cast(round(coalesce(hours_of_days.usual_requests, weekday_medians.requests)) as bigint) as usual_requests,
        hours_of_days.hours_with_calls,
        hours_of_days.missing_hours,
        reported.reported_requests,
        coalesce(logged.logged_requests, 0) as logged_requests
    from days
    inner join deliveries on days.source = deliveries.source
    inner join hours_of_days on days.source = hours_of_days.source and days.event_date = hours_of_days.event_date
    left join usual_lags on days.source = usual_lags.source
    inner join weekday_medians
        on days.source = weekday_medians.source and dayofweek(days.event_date) = weekday_medians.weekday
    left join missing_deliveries
        on
            days.source = missing_deliveries.source
            and days.event_date + cast(coalesce(usual_lags.lag_days, 0) as integer) = missing_deliveries.missing_on
    {% for found in ['delivered', 'usual_files', 'spanned', 'logged', 'reported'] -%}
    left join {{ found }} on days.source = {{ found }}.source and days.event_date = {{ found }}.event_date
    {% endfor %}
),

-- A due delivery is also made up for by a later one with half of the usual calls or more; a few calls after midnight are in
-- the next file anyway. Where no delivery was due, a day without calls is a loss if a file holds days before and after it.
-- A gateway may count a call or two around midnight on the other day.
judged as (
    select
        *,
        case
            when event_date >= last_delivered_on or due_on > last_delivered_on then 'awaited'
            when
                files = 0
                and case
                    when is_delivery_missing then requests = 0 or 2 * requests < usual_requests
                    else is_spanned and requests = 0 and usual_requests >= 20
                end
                then 'not_delivered'
            when files < usual_files and requests < usual_requests then 'missing_files'
            when missing_hours > 0 then 'missing_hours'
            when
                reported_requests - logged_requests >= 3
                and 20 * (reported_requests - logged_requests) > reported_requests
                then 'missing_in_logs'
        end as incomplete_reason
    from gathered
),

final as (
    select
        ---------- grain
        source,
        event_date,

        ---------- verdict
        incomplete_reason is null as is_complete,
        incomplete_reason,
        coalesce(incomplete_reason not in ('awaited', 'not_delivered', 'missing_files'), true) as is_delivered,

        ---------- deliveries
        due_on,
        is_delivery_missing,
        files,
        usual_files,

        ---------- calls
        requests,
        usual_requests,
        hours_with_calls,
        missing_hours,

        ---------- control totals
        logged_requests,
        reported_requests
    from judged
)

select * from final
