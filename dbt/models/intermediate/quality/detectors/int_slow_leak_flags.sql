{{ config(materialized = 'ephemeral') }}

-- Weeks in which a key's level rises little by little: each weekday of the last two or three weeks against itself in the
-- six weeks before, beyond the growth the key had earlier and the growth of all keys. Spend and tokens must both have
-- risen. A day counts for no more than 1.5 spreads off its week, so that a spike is not a leak.

with settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

residuals as (
    select * from {{ ref('int_subject_residuals') }}
    where subject_type = 'key'
),

spend_days as (
    select * from {{ ref('int_daily_spend_days') }}
),

capped as (
    select
        *,
        y - off_week + season + greatest(-1.5 * own_sigma, least(1.5 * own_sigma, off_week - season)) as capped_y
    from residuals
    where not is_sparse and season is not null and weekday_is_used = 1 and weeks >= 3
),

weekdays as (
    select
        *,
        avg(capped_y) over (same_weekdays rows between 2 preceding and current row) as level_of_three,
        avg(capped_y) over (same_weekdays rows between 1 preceding and current row) as level_of_two,
        avg(capped_y) over (same_weekdays rows between 8 preceding and 3 preceding) as base_level,
        count(*) over (same_weekdays rows between 8 preceding and 3 preceding) as base_weeks
    from capped
    window same_weekdays as (partition by measure, subject_number, weekday order by event_date asc)
),

-- A step is seen best over three weeks, a slope over two.
spans as (
    select
        *,
        3 as span,
        level_of_three - base_level as weekday_rise
    from weekdays
    union all
    select
        *,
        2 as span,
        level_of_two - base_level as weekday_rise
    from weekdays
),

rises as (
    select
        *,
        avg(weekday_rise) over last_week as rise,
        min(base_weeks) over last_week as least_weeks
    from spans
    window last_week as (
        partition by span, measure, subject_number order by event_date asc rows between 6 preceding and current row
    )
),

own_growth as (
    select
        *,
        median(rise) over (
            partition by span, measure, subject_number
            order by event_date asc rows between 56 preceding and 24 preceding
        ) as earlier_rise,
        own_sigma * sqrt((1 / span + 1 / least_weeks) / 7) as rise_sigma
    from rises
    where least_weeks >= 4
),

beyond_own as (
    select
        *,
        rise - greatest(0, 0.6 * coalesce(earlier_rise, 0)) as own_rise
    from own_growth
),

-- How far the levels of all keys wander, in their own spreads: where all wander, one that wanders is no news.
shared_growth as (
    select
        span,
        measure,
        event_date,
        greatest(0, median(own_rise)) as shared_rise,
        median(own_rise / rise_sigma) as middle_rise
    from beyond_own
    group by span, measure, event_date
),

day_wanders as (
    select
        beyond_own.span,
        beyond_own.measure,
        beyond_own.event_date,
        shared_growth.shared_rise,
        quantile_cont(abs(beyond_own.own_rise / beyond_own.rise_sigma - shared_growth.middle_rise), 0.4) / 0.5244 as day_wander
    from beyond_own
    inner join shared_growth
        on beyond_own.span = shared_growth.span
        and beyond_own.measure = shared_growth.measure
        and beyond_own.event_date = shared_growth.event_date
    group by beyond_own.span, beyond_own.measure, beyond_own.event_date, shared_growth.shared_rise
),

wanders as (
    select
        *,
        greatest(1, median(day_wander) over (
            partition by span, measure order by event_date asc rows between 27 preceding and current row
        )) as wander
    from day_wanders
),

scored as (
    select
        beyond_own.*,
        beyond_own.own_rise - wanders.shared_rise as beyond,
        (beyond_own.own_rise - wanders.shared_rise) / (beyond_own.rise_sigma * wanders.wander) as score
    from beyond_own
    inner join wanders
        on beyond_own.span = wanders.span
        and beyond_own.measure = wanders.measure
        and beyond_own.event_date = wanders.event_date
),

side_by_side as (
    select
        spend.subject_number,
        spend.event_date,
        spend.beyond,
        spend.season + spend.short_level as recent_level,
        least(spend.score, 1.3 * tokens.score) as score
    from scored as spend
    inner join scored as tokens
        on spend.subject_number = tokens.subject_number
        and spend.event_date = tokens.event_date
        and spend.span = tokens.span
        and tokens.measure = 'tokens'
    where spend.measure = 'spend'
    qualify row_number() over (
        partition by spend.subject_number, spend.event_date
        order by least(spend.score, 1.3 * tokens.score) desc, spend.span asc
    ) = 1
),

-- A flagged day after which the level stayed up began a launch, which has been told.
level_changes as (
    select
        subject_number,
        event_date,
        median(s) over (
            partition by subject_number order by event_date asc rows between 1 following and 14 following
        ) - short_level as step
    from residuals
    where measure = 'spend'
),

launches as (
    select level_changes.*
    from level_changes
    inner join spend_days
        on level_changes.subject_number = spend_days.subject_number
        and level_changes.event_date = spend_days.event_date
    where spend_days.direction = 'spike'
),

untold as (
    select
        side_by_side.subject_number,
        side_by_side.event_date,
        side_by_side.beyond,
        side_by_side.recent_level,
        side_by_side.score,
        coalesce(max(launches.step), 0) as told_step
    from side_by_side
    left join launches
        on side_by_side.subject_number = launches.subject_number
        and launches.event_date between side_by_side.event_date - 75 and side_by_side.event_date
    group by all
),

final as (
    select
        'slow_leak' as detector,
        untold.subject_number,
        untold.event_date,
        'spike' as direction,
        21 * (exp(untold.recent_level - untold.beyond) - settings.log_offset_usd) as expected_usd,
        21 * (exp(untold.recent_level) - settings.log_offset_usd) as seen_usd,
        untold.score,
        concat(
            'three weeks ', cast(round(100 * exp(untold.beyond) - 100) as bigint),
            ' % above the six weeks before, beyond its growth'
        ) as finding
    from untold
    cross join settings
    where
        untold.score > settings.slow_leak_threshold
        and untold.beyond > ln(1.1)
        and untold.told_step < 0.5 * untold.beyond
        and 21 * (exp(untold.recent_level) - exp(untold.recent_level - untold.beyond)) >= 3 * settings.spend_floor_usd
)

select * from final
