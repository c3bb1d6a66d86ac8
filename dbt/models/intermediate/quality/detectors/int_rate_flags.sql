{{ config(materialized = 'ephemeral') }}

-- Rates of a key's day against its own last four weeks: errors and timeouts (also in the day's worst hour), failures that
-- were charged, fallbacks, cache hits, answer to prompt.

with key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key' and requests > 0
),

worst_hours as (
    select
        key_days.subject_number,
        key_days.event_date,
        max(struct_pack(failures := key_hours.failures, requests := -key_hours.requests)) as worst
    from {{ ref('int_key_hours') }} as key_hours
    inner join key_days
        on key_hours.source = key_days.source
        and key_hours.workspace_id = key_days.workspace_id
        and key_hours.api_key_id = key_days.subject_id
        and key_hours.event_date = key_days.event_date
    group by all
),

days as (
    select
        key_days.*,
        -worst_hours.worst.requests as worst_hour_requests,
        worst_hours.worst.failures as worst_hour_failures,
        key_days.failures / key_days.requests as failure_rate,
        key_days.fallbacks / key_days.requests as fallback_rate,
        key_days.cached_tokens / nullif(key_days.input_tokens, 0) as hit_rate,
        ln((greatest(key_days.output_tokens, 0) + 1) / (greatest(key_days.input_tokens, 0) + 1)) as answer_ratio
    from key_days
    inner join worst_hours
        on key_days.subject_number = worst_hours.subject_number
        and key_days.event_date = worst_hours.event_date
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
    window before as (partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding)
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
    window before as (partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding)
),

scores as (
    select
        *,
        (worst_hour_failures - worst_hour_requests * usual_failure_rate)
        / sqrt(greatest(worst_hour_requests * usual_failure_rate * (1 - usual_failure_rate), 0) + 1) as worst_hour_score,
        (failures - requests * usual_failure_rate)
        / sqrt(greatest(requests * usual_failure_rate * (1 - usual_failure_rate), 0) + 1) as failure_score,
        (fallbacks - requests * usual_fallback_rate)
        / sqrt(greatest(requests * usual_fallback_rate * (1 - usual_fallback_rate), 0) + 1) as fallback_score,
        (hit_rate - usual_hit_rate) / greatest(hit_spread, 0.03) as hit_score,
        (answer_ratio - usual_answer_ratio) / greatest(answer_spread, 0.1, 1.5 / sqrt(requests)) as answer_score
    from spreads
    where days >= 10
),

final as (
    select
        'error_storm' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        greatest(worst_hour_score, failure_score) as score,
        concat(
            cast(failures as bigint), ' of ', cast(requests as bigint), ' calls failed, ', worst_hour_failures, ' of ',
            worst_hour_requests, ' in the worst hour'
        ) as finding
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
        'charged_failures' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        0 as expected_usd,
        charged_failure_usd as seen_usd,
        charged_failures as score,
        concat(cast(charged_failures as bigint), ' calls that failed were charged') as finding
    from scores
    where charged_failures >= 4 * usual_charged + 5 and charged_failure_usd >= 0.1
    union all
    select
        'fallback_storm' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        cast(null as double) as expected_usd,
        fallback_usd as seen_usd,
        fallback_score as score,
        concat(cast(fallbacks as bigint), ' of ', cast(requests as bigint), ' calls were answered by another model') as finding
    from scores
    where fallbacks >= 12 and fallback_score >= 8 and fallback_rate >= 3 * usual_fallback_rate + 0.04
    union all
    select
        'cache_collapse' as detector,
        subject_number,
        event_date,
        'drop' as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        hit_score as score,
        concat(
            cast(round(100 * hit_rate) as bigint), ' % of the prompt read from the cache, ',
            cast(round(100 * usual_hit_rate) as bigint), ' % before'
        ) as finding
    from scores
    where requests >= 20 and usual_hit_rate >= 0.1 and hit_rate < 0.6 * usual_hit_rate and hit_score < -5
    union all
    select
        'ratio_shift' as detector,
        subject_number,
        event_date,
        case when answer_score > 0 then 'spike' else 'drop' end as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        answer_score as score,
        concat(
            cast(round(exp(answer_ratio), 3) as decimal(18, 3)), ' answer tokens per prompt token, ',
            cast(round(exp(usual_answer_ratio), 3) as decimal(18, 3)), ' before'
        ) as finding
    from scores
    where requests >= 10 and abs(answer_score) > 5 and abs(answer_ratio - usual_answer_ratio) > ln(1.8)
)

select * from final
