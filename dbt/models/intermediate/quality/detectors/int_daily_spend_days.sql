{{ config(materialized = 'ephemeral') }}

-- Days on which a regular key, member, workspace or model spends out of the ordinary: against its weekdays, or, as long
-- as no weekday has a history, more than a percentage above the median of its days.

with settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

subject_days as (
    select * from {{ ref('int_subject_days') }}
),

residuals as (
    select * from {{ ref('int_subject_residuals') }}
),

common_days as (
    select * from {{ ref('int_common_days') }}
),

mix_days as (
    select * from {{ ref('int_model_mix_days') }}
),

scored as (
    select
        spend.* exclude (sigma),
        -- A change of price or model widens the spread of spend for weeks, that of tokens not.
        case
            when tokens.middle_spread > 0 then least(spend.sigma, 1.25 * tokens.sigma)
            else spend.sigma
        end as sigma,
        tokens.residual / tokens.sigma as token_score,
        subject_days.spend_usd,
        common_days.common_down,
        common_days.common_up,
        mix_days.moved_share,
        case
            when last_day(spend.event_date) = spend.event_date then 'last'
            when day(spend.event_date) = 1 then 'first'
        end as month_place
    from residuals as spend
    inner join residuals as tokens
        on spend.subject_number = tokens.subject_number
        and spend.event_date = tokens.event_date
        and tokens.measure = 'tokens'
    inner join subject_days
        on spend.subject_number = subject_days.subject_number
        and spend.event_date = subject_days.event_date
    left join common_days
        on subject_days.source = common_days.source
        and subject_days.workspace_id = common_days.workspace_id
        and subject_days.event_date = common_days.event_date
    left join mix_days
        on spend.subject_number = mix_days.subject_number
        and spend.event_date = mix_days.event_date
    where spend.measure = 'spend'
),

-- The same day of the month before explains as much again.
month_ends as (
    select
        *,
        case
            when month_place is not null then greatest(
                0,
                coalesce(
                    lag(off_short) over (partition by subject_number, month_place order by event_date asc),
                    ln(1.6)
                )
            )
        end as month_residual
    from scored
),

explained as (
    select
        month_ends.*,
        case
            when month_ends.residual > 0 and month_ends.residual <= 1.5 * month_ends.common_up then 0
            when month_ends.residual < 0 and month_ends.residual >= 2.2 * month_ends.common_down then 0
            when month_ends.residual > 0 then greatest(0, month_ends.residual - coalesce(month_ends.month_residual, 0))
            else month_ends.residual
        end / month_ends.sigma as score,
        exp(month_ends.y - month_ends.residual) - settings.log_offset_usd as expected_usd
    from month_ends
    cross join settings
),

-- A ramp is off by a little every day; what it is off by every day is no news.
drifts as (
    select
        *,
        median(score) over (
            partition by subject_number order by event_date asc rows between 9 preceding and 3 preceding
        ) as drift
    from explained
),

undrifted as (
    select
        * exclude (score),
        case
            when sign(drift) = sign(score) then sign(score) * greatest(0, abs(score) - abs(drift))
            else score
        end as score
    from drifts
),

-- Two or three days that are each too little out of the ordinary may be enough together; looking three times asks for
-- a little more.
summed as (
    select
        *,
        case
            when sign(score) = sign(lag(score) over subject_dates) then (score + lag(score) over subject_dates) / sqrt(2)
        end as score_of_two,
        case
            when
                sign(score) = sign(lag(score) over subject_dates)
                and sign(score) = sign(lag(score, 2) over subject_dates)
                then (score + lag(score) over subject_dates + lag(score, 2) over subject_dates) / sqrt(3)
        end as score_of_three
    from undrifted
    window subject_dates as (partition by subject_number order by event_date asc)
),

judged as (
    select
        *,
        greatest(
            abs(score),
            0.87 * abs(coalesce(score_of_two, 0)),
            0.87 * abs(coalesce(score_of_three, 0))
        ) as strength
    from summed
),

seasonal as (
    select
        judged.subject_number,
        judged.subject_type,
        judged.event_date,
        case when judged.score > 0 then 'spike' else 'drop' end as direction,
        judged.expected_usd,
        judged.spend_usd as seen_usd,
        judged.score,
        '' as finding
    from judged
    cross join settings
    where
        not judged.is_sparse
        and judged.residual is not null
        and judged.day_number > 7
        and (
            judged.weeks >= 5
            or judged.y > judged.highest_y + ln(2)
            or (judged.weeks >= 3 and judged.y < judged.lowest_y - ln(2))
        )
        and judged.strength
        > settings.sigma_threshold * case when judged.subject_type = 'key' then 1 else settings.wider_threshold_factor end
        and abs(judged.score) > 0.5 * settings.sigma_threshold
        and abs(judged.spend_usd - judged.expected_usd) >= settings.spend_floor_usd
        and not (coalesce(judged.moved_share, 0) >= 0.12 and abs(judged.token_score) < 2.5)
),

medians as (
    select
        subject_days.subject_number,
        subject_days.subject_type,
        subject_days.event_date,
        subject_days.spend_usd,
        subject_days.is_sparse,
        subject_days.day_number,
        median(subject_days.spend_usd) over recent as usual_usd,
        max(subject_days.spend_usd) over recent as highest_usd,
        median(subject_days.requests) over recent as usual_requests,
        1.4826 * mad(ln(greatest(subject_days.spend_usd, 0) + settings.log_offset_usd)) over recent as spread,
        count(*) filter (where subject_days.requests = 0 and subject_days.weekday not in (0, 6)) over recent as idle_workdays
    from subject_days
    cross join settings
    window recent as (partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding)
),

-- The first five weeks, and whoever asked for a percentage in all weeks.
above_percentage as (
    select
        medians.subject_number,
        medians.subject_type,
        medians.event_date,
        'spike' as direction,
        medians.usual_usd as expected_usd,
        medians.spend_usd as seen_usd,
        ln((medians.spend_usd + settings.log_offset_usd) / (medians.usual_usd + settings.log_offset_usd))
        / greatest(settings.sigma_floor, settings.request_scatter / sqrt(greatest(medians.usual_requests, 1))) as score,
        concat(
            cast(round(100 * medians.spend_usd / greatest(medians.usual_usd, 0.01) - 100) as bigint),
            ' % above the median of the days before'
        ) as finding
    from medians
    inner join judged on medians.subject_number = judged.subject_number and medians.event_date = judged.event_date
    cross join settings
    where
        medians.day_number > 7
        and medians.spend_usd - medians.usual_usd >= settings.spend_floor_usd
        and (
            (
                coalesce(judged.weeks, 0) < 5
                and medians.subject_type = 'key'
                and not medians.is_sparse
                and medians.idle_workdays <= 1
                and judged.common_up is null
                and medians.spend_usd
                > (1 + settings.spend_alert_pct / 100) * medians.highest_usd * exp(coalesce(judged.month_residual, 0))
                and medians.spend_usd > (1 + 2 * settings.spend_alert_pct / 100) * medians.usual_usd
                and ln((medians.spend_usd + settings.log_offset_usd) / (medians.usual_usd + settings.log_offset_usd))
                > settings.sigma_threshold * greatest(
                    medians.spread, settings.request_scatter / sqrt(greatest(medians.usual_requests, 1))
                )
                and not (coalesce(judged.moved_share, 0) >= 0.12 and abs(judged.token_score) < 2.5)
            )
            or medians.spend_usd
            > (1 + settings.any_day_alert_pct / 100) * greatest(medians.usual_usd, coalesce(judged.expected_usd, 0))
        )
),

final as (
    select * from seasonal
    union all by name
    select above_percentage.*
    from above_percentage
    anti join seasonal
        on above_percentage.subject_number = seasonal.subject_number
        and above_percentage.event_date = seasonal.event_date
)

select * from final
