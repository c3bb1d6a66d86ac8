{#- Rulings: docs/decisions/usage-apis.md -#}
-- The compared spans. A span is open while the logs of its days have not arrived, or windows of the API are missing in
-- it; a second per window is allowed, as some APIs end at the last second.

with api_rows as (
    select * from {{ ref('int_usage_api_rows') }}
),

log_days as (
    select distinct
        source,
        provider,
        call_type,
        usage_date as event_date
    from {{ ref('fct_usage_daily') }}
),

delivered_days as (
    select * from {{ ref('fct_day_completeness') }}
    where is_delivered
),

windows as (
    select distinct
        usage_api,
        source,
        log_provider,
        grouping_name,
        first_date,
        last_date,
        period_start_at,
        period_end_at
    from api_rows
),

reported as (
    select
        usage_api,
        source,
        log_provider,
        grouping_name,
        first_date,
        last_date,
        sum(date_diff('second', period_start_at, period_end_at)) + count(*)
        < 86400 * (date_diff('day', first_date, last_date) + 1) as has_gap
    from windows
    group by usage_api, source, log_provider, grouping_name, first_date, last_date
),

dimensions as (
    select
        usage_api,
        source,
        grouping_name,
        first_date,
        last_date,
        count(model_served) > 0 as has_model,
        count(api_key_id) > 0 as has_key,
        count(member_id) > 0 as has_member,
        count(workspace_id) > 0 as has_workspace
    from api_rows
    group by usage_api, source, grouping_name, first_date, last_date
),

series as (
    select
        usage_api,
        source,
        log_provider,
        grouping_name,
        min(first_date) as since_date
    from reported
    group by usage_api, source, log_provider, grouping_name
),

unreported as (
    select distinct
        series.usage_api,
        series.source,
        series.log_provider,
        series.grouping_name,
        log_days.event_date
    from series
    inner join log_days
        on
            series.since_date <= log_days.event_date
            and case
                when series.log_provider is null then series.source = log_days.source
                else series.log_provider = log_days.provider
            end
            and coalesce({{ covered_call_type('series.usage_api') }} = log_days.call_type, true)
    left join reported
        on
            series.usage_api = reported.usage_api
            and series.source = reported.source
            and series.grouping_name = reported.grouping_name
            and log_days.event_date between reported.first_date and reported.last_date
    where reported.source is null
),

spans as (
    select
        reported.*,
        dimensions.has_model,
        dimensions.has_key,
        dimensions.has_member,
        dimensions.has_workspace,
        true as is_reported
    from reported
    inner join dimensions
        on
            reported.usage_api = dimensions.usage_api
            and reported.source = dimensions.source
            and reported.grouping_name = dimensions.grouping_name
            and reported.first_date = dimensions.first_date
            and reported.last_date = dimensions.last_date
    union all
    select
        usage_api,
        source,
        log_provider,
        grouping_name,
        event_date as first_date,
        event_date as last_date,
        false as has_gap,
        false as has_model,
        false as has_key,
        false as has_member,
        false as has_workspace,
        false as is_reported
    from unreported
),

last_delivered_days as (
    select
        source,
        max(event_date) as last_delivered_date
    from delivered_days
    group by source
),

-- A provider's calls come through gateways; the slowest of those that have any decides.
log_ends as (
    select
        spans.usage_api,
        spans.source,
        spans.grouping_name,
        min(last_delivered_days.last_delivered_date) as last_delivered_date
    from spans
    inner join log_days
        on
            case
                when spans.log_provider is null then spans.source = log_days.source
                else spans.log_provider = log_days.provider
            end
            and coalesce({{ covered_call_type('spans.usage_api') }} = log_days.call_type, true)
    inner join last_delivered_days on log_days.source = last_delivered_days.source
    group by spans.usage_api, spans.source, spans.grouping_name
),

judged as (
    select
        concat_ws('|', spans.usage_api, spans.source, spans.grouping_name, spans.first_date, spans.last_date) as window_id,
        spans.*,
        spans.has_gap or coalesce(spans.last_date > log_ends.last_delivered_date, true) as is_open
    from spans
    left join log_ends
        on
            spans.usage_api = log_ends.usage_api
            and spans.source = log_ends.source
            and spans.grouping_name = log_ends.grouping_name
)

select * from judged
