-- One row per key and complete day since its first use, days without a call as zero.
-- Weighted tokens are what the calls would cost at one price for all models: cached input a tenth, output four times.
with summed as (
    select
        source,
        workspace_id,
        api_key_id,
        event_date,
        sum(requests) as requests,
        sum(failures + timeouts) as failures,
        sum(charged_failures) as charged_failures,
        sum(charged_failure_usd) as charged_failure_usd,
        sum(fallbacks) as fallbacks,
        sum(case when fallbacks > 0 then cost_usd else 0 end) as fallback_usd,
        sum(input_tokens) as input_tokens,
        sum(cached_tokens) as cached_tokens,
        sum(output_tokens) as output_tokens,
        sum(input_tokens - 0.9 * cached_tokens + 4 * output_tokens) as weighted_tokens,
        sum(case when unpriced_requests > 0 then greatest(cost_usd, reported_usd) else cost_usd end) as spend_usd
    from usage_days
    group by source, workspace_id, api_key_id, event_date
),

first_uses as (
    select
        source,
        workspace_id,
        api_key_id,
        min(event_date) as first_date
    from summed
    group by source, workspace_id, api_key_id
),

dense as (
    select
        first_uses.source,
        first_uses.workspace_id,
        first_uses.api_key_id,
        d02_source_days.event_date,
        d02_source_days.source_day_number,
        dayofweek(d02_source_days.event_date) as weekday,
        coalesce(columns(summed.* exclude (source, workspace_id, api_key_id, event_date)), 0)
    from first_uses
    inner join d02_source_days
        on first_uses.source = d02_source_days.source
        and first_uses.first_date <= d02_source_days.event_date
        and d02_source_days.verdict = 'complete'
    left join summed
        on first_uses.source = summed.source
        and first_uses.workspace_id = summed.workspace_id
        and first_uses.api_key_id = summed.api_key_id
        and d02_source_days.event_date = summed.event_date
),

numbered as (
    select
        *,
        row_number() over (partition by source, workspace_id, api_key_id order by event_date asc) as day_number,
        case when avg(case when requests > 0 then 1 else 0 end) over same_weekdays >= 0.3 then 1 else 0 end as weekday_is_used
    from dense
    window same_weekdays as (
        partition by source, workspace_id, api_key_id, weekday
        order by event_date asc rows between 8 preceding and 1 preceding
    )
),

-- A weekday on which the key never works says nothing about how regular it is.
regular as (
    select
        *,
        sum(case when weekday_is_used = 1 and requests = 0 then 1 else 0 end) over recent
        / nullif(sum(weekday_is_used) over recent, 0) as idle_share,
        avg(case when requests > 0 then 1 else 0 end) over recent as active_share
    from numbered
    window recent as (
        partition by source, workspace_id, api_key_id order by event_date asc rows between 28 preceding and 1 preceding
    )
)

-- Once sparse, sparse for eight weeks: a key that goes back and forth is not judged by its weekdays in between.
select
    *,
    coalesce(max(case when day_number > 14 then idle_share end) over lately >= 0.25, false)
    or (active_share < 0.6 and (day_number <= 28 or idle_share is null)) as is_sparse
from regular
window lately as (
    partition by source, workspace_id, api_key_id order by event_date asc rows between 56 preceding and current row
)
