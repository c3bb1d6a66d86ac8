{{ config(materialized = 'table') }}

-- How far a day lies from what it was expected to be, in logarithms, for spend and for tokens. The weekday's share is
-- learnt from the subject's own last eight weeks, each against its own week, so that growth and launches leave it alone;
-- the level is the median of the last three weeks, and of the last eight. A day is out of the ordinary only if it is so
-- against both levels: what returns to where it was is no event.

{%- set columns -%}
    subject_days.subject_number, subject_days.subject_type, subject_days.source, subject_days.event_date,
        subject_days.weekday, subject_days.weekday_is_used, subject_days.day_number, subject_days.requests,
        subject_days.is_sparse
{%- endset %}

with subject_days as (
    select * from {{ ref('int_subject_days') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

series as (
    select
        'spend' as measure,
        {{ columns }},
        ln(greatest(subject_days.spend_usd, 0) + settings.log_offset_usd) as y
    from subject_days
    cross join settings
    union all
    select
        'tokens' as measure,
        {{ columns }},
        ln(greatest(weighted_tokens, 0) + 100) as y
    from subject_days
),

weekly as (
    select
        *,
        y - coalesce(
            median(case when weekday_is_used = 1 or requests > 0 then y end) over around,
            median(y) over around
        ) as off_week
    from series
    window around as (
        partition by measure, subject_number
        order by event_date asc rows between 3 preceding and 3 following
    )
),

weekday_seasons as (
    select
        *,
        count(*) over same_weekdays as weeks,
        median(off_week) over same_weekdays as weekday_season,
        case when weekday in (0, 6) then median(off_week) over weekends else median(off_week) over workdays end as class_season,
        1.4826 * case when weekday in (0, 6) then mad(off_week) over weekends else mad(off_week) over workdays end as class_spread
    from weekly
    window
        same_weekdays as (
            partition by measure, subject_number, weekday
            order by event_date asc rows between 8 preceding and 1 preceding
        ),
        workdays as (
            partition by measure, subject_number, weekday in (0, 6)
            order by event_date asc rows between 44 preceding and 5 preceding
        ),
        weekends as (
            partition by measure, subject_number, weekday in (0, 6)
            order by event_date asc rows between 17 preceding and 2 preceding
        )
),

-- A weekday is told from the other workdays, or from the other weekend day, only where it is clearly different.
own_seasons as (
    select
        *,
        case when abs(weekday_season - class_season) < 0.9 * class_spread then class_season else weekday_season end as own_season
    from weekday_seasons
),

shared_seasons as (
    select
        measure,
        subject_type,
        source,
        event_date,
        median(own_season) as shared_season
    from own_seasons
    where weeks >= 3 and not is_sparse
    group by measure, subject_type, source, event_date
),

deseasonalised as (
    select
        own_seasons.*,
        case when own_seasons.weeks >= 3 then own_seasons.own_season else shared_seasons.shared_season end as season
    from own_seasons
    left join shared_seasons
        on own_seasons.measure = shared_seasons.measure
        and own_seasons.subject_type = shared_seasons.subject_type
        and own_seasons.source = shared_seasons.source
        and own_seasons.event_date = shared_seasons.event_date
),

levelled as (
    select
        *,
        y - season as s,
        case
            when count(season) over (key_days rows between 21 preceding and 1 preceding) >= 5
                then median(y - season) over (key_days rows between 21 preceding and 1 preceding)
        end as short_level,
        median(y - season) over (key_days rows between 56 preceding and 1 preceding) as long_level,
        median(requests) over (key_days rows between 28 preceding and 1 preceding) as usual_requests,
        max(y) over (key_days rows between 28 preceding and 1 preceding) as highest_y,
        min(y) over (key_days rows between 28 preceding and 1 preceding) as lowest_y
    from deseasonalised
    window key_days as (partition by measure, subject_number order by event_date asc)
),

residuals as (
    select
        *,
        s - short_level as off_short,
        s - long_level as off_long,
        case
            when sign(s - short_level) != sign(s - long_level) then 0
            when abs(s - short_level) < abs(s - long_level) then s - short_level
            else s - long_level
        end as residual
    from levelled
),

-- The spread of all weekdays together. Eight values would say too little; a key that is often far out is wide.
spreads as (
    select
        *,
        count(own_off) over before as spread_days,
        1.4826 * median(abs(own_off)) over before as middle_spread,
        quantile_cont(abs(own_off), 0.8) over before / 1.2816 as outer_spread
    from (select *, case when weeks >= 3 and weekday_is_used = 1 then least(abs(off_short), abs(off_long)) end as own_off from residuals) as residuals
    window before as (
        partition by measure, subject_number
        order by event_date asc rows between 56 preceding and 1 preceding
    )
),

own_sigmas as (
    select
        spreads.*,
        greatest(
            settings.sigma_floor,
            settings.request_scatter / sqrt(greatest(spreads.usual_requests, 1)),
            case when spreads.spread_days >= 14 then spreads.middle_spread * (1 + 6 / spreads.spread_days - 6 / 56) else 0.35 end,
            case when spreads.spread_days >= 14 then spreads.outer_spread * (1 + 6 / spreads.spread_days - 6 / 56) else 0.35 end
        ) * case when spreads.weeks >= 5 then 1 else 1.3 end as own_sigma
    from spreads
    cross join settings
),

pooled as (
    select
        measure,
        subject_type,
        event_date,
        median(own_sigma) as pooled_sigma
    from own_sigmas
    where not is_sparse
    group by measure, subject_type, event_date
),

-- A key that happened to be calm is not trusted to stay so calm, and a day on which few calls are expected scatters by
-- their number, however steady the other days are.
final as (
    select
        own_sigmas.*,
        sqrt(
            greatest(
                own_sigmas.own_sigma * own_sigmas.own_sigma,
                0.7 * own_sigmas.own_sigma * own_sigmas.own_sigma + 0.3 * coalesce(pooled.pooled_sigma * pooled.pooled_sigma, 0)
            )
            + settings.count_scatter * settings.count_scatter
            * case
                when own_sigmas.weekday_is_used = 1
                    then greatest(0, 1 / greatest(own_sigmas.usual_requests * exp(own_sigmas.season), 1) - 1 / greatest(own_sigmas.usual_requests, 1))
                else 0
            end
        ) as sigma
    from own_sigmas
    left join pooled
        on own_sigmas.measure = pooled.measure
        and own_sigmas.subject_type = pooled.subject_type
        and own_sigmas.event_date = pooled.event_date
    cross join settings
)

select * from final
