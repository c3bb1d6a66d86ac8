-- Rates of a key's day against its own last four weeks: errors and timeouts (also in the day's worst hour), failures
-- that were charged, fallbacks, cache hits, answer to prompt.
with days as (
    select
        key_days.*,
        peaks.worst_hour_requests,
        peaks.worst_hour_failures,
        key_days.failures / key_days.requests as failure_rate,
        key_days.fallbacks / key_days.requests as fallback_rate,
        cached_tokens / nullif(input_tokens, 0) as hit_rate,
        ln((output_tokens + 1) / (input_tokens + 1)) as answer_ratio
    from d03_key_days as key_days
    inner join key_peaks as peaks using (source, workspace_id, api_key_id, event_date)
    where key_days.requests > 0
),

usual as (
    select
        *,
        count(*) over before as days,
        greatest(0.01, quantile_cont(failure_rate, 0.75) over before) as usual_failure_rate,
        max(failure_rate) over before as highest_failure_rate,
        quantile_cont(charged_failures, 0.9) over before as usual_charged,
        greatest(0.005, quantile_cont(fallback_rate, 0.75) over before) as usual_fallback_rate,
        median(hit_rate) over before as usual_hit_rate,
        median(answer_ratio) over before as usual_answer_ratio
    from days
    window before as (
        partition by source, workspace_id, api_key_id order by event_date asc rows between 28 preceding and 1 preceding
    )
),

spreads as (
    select
        *,
        1.4826 * median(abs(hit_rate - usual_hit_rate)) over before as hit_spread,
        greatest(
            1.4826 * median(abs(answer_ratio - usual_answer_ratio)) over before,
            quantile_cont(abs(answer_ratio - usual_answer_ratio), 0.9) over before / 1.645
        ) as answer_spread
    from usual
    window before as (
        partition by source, workspace_id, api_key_id order by event_date asc rows between 28 preceding and 1 preceding
    )
),

scores as (
    select
        *,
        (worst_hour_failures - worst_hour_requests * usual_failure_rate)
        / sqrt(worst_hour_requests * usual_failure_rate * (1 - usual_failure_rate) + 1) as worst_hour_score,
        (failures - requests * usual_failure_rate)
        / sqrt(requests * usual_failure_rate * (1 - usual_failure_rate) + 1) as failure_score,
        (fallbacks - requests * usual_fallback_rate)
        / sqrt(requests * usual_fallback_rate * (1 - usual_fallback_rate) + 1) as fallback_score,
        (hit_rate - usual_hit_rate) / greatest(hit_spread, 0.03) as hit_score,
        (answer_ratio - usual_answer_ratio) / greatest(answer_spread, 0.1, 1.5 / sqrt(requests)) as answer_score
    from spreads
    where days >= 10
)

select
    'error_storm' as detector, source, workspace_id, api_key_id, event_date, 'up' as direction,
    null::double as expected_usd, null::double as seen_usd, greatest(worst_hour_score, failure_score) as score
from scores
where
    (worst_hour_failures >= 7 and worst_hour_failures >= 0.25 * worst_hour_requests and worst_hour_score >= 6)
    or (
        failures >= 12
        and failure_score >= 7
        and failure_rate >= 3 * usual_failure_rate + 0.04
        and failure_rate > 1.5 * highest_failure_rate
    )
union all
select
    'charged_failures', source, workspace_id, api_key_id, event_date, 'up', 0, charged_failure_usd, charged_failures
from scores
where charged_failures >= 4 * usual_charged + 5 and charged_failure_usd >= 0.1
union all
select
    'fallback_storm', source, workspace_id, api_key_id, event_date, 'up', null, fallback_usd, fallback_score
from scores
where fallbacks >= 12 and fallback_score >= 8 and fallback_rate >= 3 * usual_fallback_rate + 0.04
union all
select
    'cache_collapse', source, workspace_id, api_key_id, event_date, 'down', null, null, hit_score
from scores
where requests >= 20 and usual_hit_rate >= 0.1 and hit_rate < 0.6 * usual_hit_rate and hit_score < -5
union all
select
    'ratio_shift', source, workspace_id, api_key_id, event_date,
    case when answer_score > 0 then 'up' else 'down' end, null, null, answer_score
from scores
where requests >= 10 and abs(answer_score) > 5 and abs(answer_ratio - usual_answer_ratio) > ln(1.8)
