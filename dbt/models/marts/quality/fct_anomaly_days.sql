-- One row per key and day whose spend is out of the ordinary, under the one rule that fits the key's history:
--   new_spender   fewer than 7 days of history, on a source that has them: the first day above the floor
--   sparse        no spend on a third of the last 28 days: more than three times the 95th percentile of those days
--   same_weekday  4 or more of the last 8 same weekdays: median and MAD of the logarithm
--   percentage    otherwise: more than spend_alert_pct above the median of the last 28 days, and more than so few
--                 requests explain
-- The day under test is never part of what it is measured against: a window that holds its own outlier hides it.

with key_days as (
    select * from {{ ref('fct_key_spend_daily') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

histories as (
    select
        key_days.*,
        count(*) over recent_days as recent_count,
        sum(case when spend_usd = 0 then 1 else 0 end) over recent_days as recent_zero_count,
        count(*) over same_weekdays as same_weekday_count,
        min(spend_usd) over same_weekdays as same_weekday_lowest_usd,
        max(spend_usd) over same_weekdays as same_weekday_highest_usd,
        min(log_spend) over same_weekdays as same_weekday_lowest_log,
        max(log_spend) over same_weekdays as same_weekday_highest_log
    from key_days
    window
        recent_days as (
            partition by source, workspace_id, api_key_id
            order by day_number asc rows between 28 preceding and 1 preceding
        ),
        same_weekdays as (
            partition by source, workspace_id, api_key_id, weekday
            order by weekday_number asc rows between 8 preceding and 1 preceding
        )
),

ruled as (
    select
        histories.*,
        case
            when recent_count < 7 then 'new_spender'
            when recent_zero_count * 100 >= recent_count * 35 then 'sparse'
            when same_weekday_count >= 4 then 'same_weekday'
            else 'percentage'
        end as detection_rule
    from histories
),

-- A median lies between the lowest and the highest value, so most days are known to be ordinary without a median.
same_weekday_candidates as (
    select ruled.*
    from ruled
    cross join settings
    where
        ruled.detection_rule = 'same_weekday'
        and (
            (
                ruled.spend_usd >= ruled.same_weekday_lowest_usd + settings.spend_floor_usd
                and ruled.log_spend > ruled.same_weekday_lowest_log + settings.sigma_threshold * settings.sigma_floor
            )
            or (
                ruled.spend_usd <= ruled.same_weekday_highest_usd - settings.spend_floor_usd
                and ruled.log_spend < ruled.same_weekday_highest_log - settings.sigma_threshold * settings.sigma_floor
            )
        )
),

same_weekday_pairs as (
    select
        same_weekday_candidates.source,
        same_weekday_candidates.workspace_id,
        same_weekday_candidates.api_key_id,
        same_weekday_candidates.event_date,
        key_days.log_spend,
        key_days.requests
    from same_weekday_candidates
    inner join key_days
        on {{ is_same_key('same_weekday_candidates', 'key_days') }}
        and {{ is_same_weekday_before('key_days', 'same_weekday_candidates') }}
),

same_weekday_medians as (
    select
        source,
        workspace_id,
        api_key_id,
        event_date,
        median(log_spend) as median_log_spend,
        median(cast(requests as double)) as usual_requests
    from same_weekday_pairs
    group by source, workspace_id, api_key_id, event_date
),

same_weekday_deviations as (
    select
        same_weekday_medians.source,
        same_weekday_medians.workspace_id,
        same_weekday_medians.api_key_id,
        same_weekday_medians.event_date,
        same_weekday_medians.median_log_spend,
        same_weekday_medians.usual_requests,
        median(abs(same_weekday_pairs.log_spend - same_weekday_medians.median_log_spend)) as mad_log_spend
    from same_weekday_medians
    inner join same_weekday_pairs
        on {{ is_same_key('same_weekday_medians', 'same_weekday_pairs') }}
        and same_weekday_medians.event_date = same_weekday_pairs.event_date
    group by
        same_weekday_medians.source,
        same_weekday_medians.workspace_id,
        same_weekday_medians.api_key_id,
        same_weekday_medians.event_date,
        same_weekday_medians.median_log_spend,
        same_weekday_medians.usual_requests
),

-- Eight values say little about their own spread, so it is at least sigma_floor, and at least the scatter from the
-- number of requests: the cost of n requests scatters by request_scatter / √n of itself, which in ln(spend + 1) is that
-- times spend / (spend + 1).
same_weekday_scored as (
    select
        same_weekday_candidates.*,
        cast(exp(same_weekday_deviations.median_log_spend) - 1 as decimal(18, 6)) as expected_usd,
        (same_weekday_candidates.log_spend - same_weekday_deviations.median_log_spend)
        / greatest(
            1.4826e0 * same_weekday_deviations.mad_log_spend,
            (1 - exp(-same_weekday_deviations.median_log_spend))
            * settings.request_scatter / sqrt(greatest(same_weekday_deviations.usual_requests, 1)),
            settings.sigma_floor
        ) as z_score
    from same_weekday_candidates
    inner join same_weekday_deviations
        on {{ is_same_key('same_weekday_candidates', 'same_weekday_deviations') }}
        and same_weekday_candidates.event_date = same_weekday_deviations.event_date
    cross join settings
),

recent_candidates as (
    select ruled.*
    from ruled
    cross join settings
    where ruled.detection_rule in ('sparse', 'percentage') and ruled.spend_usd > settings.spend_floor_usd
),

recent_levels as (
    select
        recent_candidates.source,
        recent_candidates.workspace_id,
        recent_candidates.api_key_id,
        recent_candidates.event_date,
        median(cast(key_days.spend_usd as double)) as median_spend,
        median(cast(key_days.requests as double)) as usual_requests,
        percentile_cont(0.95) within group (order by cast(key_days.spend_usd as double)) as p95_spend
    from recent_candidates
    inner join key_days
        on {{ is_same_key('recent_candidates', 'key_days') }}
        and {{ is_recent_before('key_days', 'recent_candidates') }}
    group by
        recent_candidates.source,
        recent_candidates.workspace_id,
        recent_candidates.api_key_id,
        recent_candidates.event_date
),

recent_scored as (
    select
        recent_candidates.*,
        cast(recent_levels.median_spend as decimal(18, 6)) as expected_usd,
        case
            when recent_candidates.detection_rule = 'sparse' then 3 * recent_levels.p95_spend
            else recent_levels.median_spend * greatest(
                1 + settings.spend_alert_pct * 0.01e0,
                exp(
                    settings.sigma_threshold * settings.request_scatter
                    / sqrt(greatest(recent_levels.usual_requests, 1))
                )
            )
        end as spend_limit
    from recent_candidates
    inner join recent_levels
        on {{ is_same_key('recent_candidates', 'recent_levels') }}
        and recent_candidates.event_date = recent_levels.event_date
    cross join settings
),

-- If the source itself has no history yet, every key is new and none is an anomaly.
new_spender_days as (
    select
        ruled.*,
        cast(0 as decimal(18, 6)) as expected_usd,
        row_number() over (
            partition by ruled.source, ruled.workspace_id, ruled.api_key_id
            order by ruled.day_number asc
        ) as spender_day_number
    from ruled
    cross join settings
    where
        ruled.detection_rule = 'new_spender'
        and ruled.source_day_number - ruled.day_number >= 7
        and ruled.spend_usd > settings.new_spender_floor_usd
),

flagged as (
    select
        same_weekday_scored.source,
        same_weekday_scored.workspace_id,
        same_weekday_scored.api_key_id,
        same_weekday_scored.event_date,
        same_weekday_scored.day_number,
        same_weekday_scored.detection_rule,
        same_weekday_scored.spend_usd,
        same_weekday_scored.expected_usd,
        same_weekday_scored.z_score
    from same_weekday_scored
    cross join settings
    where
        abs(same_weekday_scored.z_score) > settings.sigma_threshold
        and abs(same_weekday_scored.spend_usd - same_weekday_scored.expected_usd) >= settings.spend_floor_usd
    union all
    select
        recent_scored.source,
        recent_scored.workspace_id,
        recent_scored.api_key_id,
        recent_scored.event_date,
        recent_scored.day_number,
        recent_scored.detection_rule,
        recent_scored.spend_usd,
        recent_scored.expected_usd,
        cast(null as double) as z_score
    from recent_scored
    cross join settings
    where
        cast(recent_scored.spend_usd as double) > recent_scored.spend_limit
        and recent_scored.spend_usd - recent_scored.expected_usd >= settings.spend_floor_usd
    union all
    select
        source,
        workspace_id,
        api_key_id,
        event_date,
        day_number,
        detection_rule,
        spend_usd,
        expected_usd,
        cast(null as double) as z_score
    from new_spender_days
    where spender_day_number = 1
),

directed as (
    select
        flagged.*,
        cast(spend_usd - expected_usd as decimal(38, 12)) as excess_usd,
        case when spend_usd >= expected_usd then 'spike' else 'drop' end as direction
    from flagged
),

-- Flagged days that follow one another differ from their own rank by the same number.
islands as (
    select
        directed.*,
        day_number - row_number() over (
            partition by source, workspace_id, api_key_id, direction order by day_number asc
        ) as island_number
    from directed
),

incidents as (
    select
        islands.*,
        min(event_date) over (
            partition by source, workspace_id, api_key_id, direction, island_number
        ) as first_date
    from islands
),

identified as (
    select
        incidents.*,
        md5(concat_ws(
            '|', 'daily_spend', source, workspace_id, api_key_id, direction, cast(first_date as string)
        )) as anomaly_id
    from incidents
),

final as (
    select
        anomaly_id,
        source,
        workspace_id,
        api_key_id,
        event_date,
        detection_rule,
        direction,
        spend_usd,
        expected_usd,
        excess_usd,
        z_score
    from identified
)

select * from final
