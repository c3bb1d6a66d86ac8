-- Days on which a key's spend is out of the ordinary: regular keys by their weekdays, sparse keys by their active days.
with scored as (
    select
        spend.* exclude (sigma),
        -- A change of price or model widens the spread of spend for weeks, that of tokens not.
        case
            when tokens.middle_spread > 0 then least(spend.sigma, 1.25 * tokens.sigma)
            else spend.sigma
        end as sigma,
        tokens.residual / tokens.sigma as token_score,
        key_days.spend_usd,
        common.common_down,
        common.common_up,
        mix.moved_share,
        case
            when last_day(spend.event_date) = spend.event_date then 'last'
            when day(spend.event_date) = 1 then 'first'
        end as month_place
    from d04_residuals as spend
    inner join d04_residuals as tokens
        on spend.source = tokens.source and spend.workspace_id = tokens.workspace_id
        and spend.api_key_id = tokens.api_key_id and spend.event_date = tokens.event_date
        and tokens.measure = 'tokens'
    inner join d03_key_days as key_days
        on spend.source = key_days.source and spend.workspace_id = key_days.workspace_id
        and spend.api_key_id = key_days.api_key_id and spend.event_date = key_days.event_date
    left join d05_common_days as common
        on spend.source = common.source and spend.workspace_id = common.workspace_id
        and spend.event_date = common.event_date
    left join d06_mix_days as mix
        on spend.source = mix.source and spend.workspace_id = mix.workspace_id
        and spend.api_key_id = mix.api_key_id and spend.event_date = mix.event_date
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
                    lag(off_short) over (
                        partition by source, workspace_id, api_key_id, month_place order by event_date asc
                    ),
                    ln(1.6)
                )
            )
        end as month_residual
    from scored
),

explained as (
    select
        *,
        case
            when residual > 0 and residual <= 1.5 * common_up then 0
            when residual < 0 and residual >= 2.2 * common_down then 0
            when residual > 0 then greatest(0, residual - coalesce(month_residual, 0))
            else residual
        end / sigma as score,
        exp(y - residual) - settings.log_offset_usd as expected_usd
    from month_ends
    cross join d01_settings as settings
),

-- A ramp is off by a little every day; what it is off by every day is no news.
drifts as (
    select
        *,
        median(score) over (
            partition by source, workspace_id, api_key_id order by event_date asc rows between 9 preceding and 3 preceding
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
            when sign(score) = sign(lag(score) over key_days) then (score + lag(score) over key_days) / sqrt(2)
        end as score_of_two,
        case
            when sign(score) = sign(lag(score) over key_days) and sign(score) = sign(lag(score, 2) over key_days)
                then (score + lag(score) over key_days + lag(score, 2) over key_days) / sqrt(3)
        end as score_of_three
    from undrifted
    window key_days as (partition by source, workspace_id, api_key_id order by event_date asc)
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
)

select
    'daily_spend' as detector,
    source, workspace_id, api_key_id, event_date,
    case when score > 0 then 'up' else 'down' end as direction,
    expected_usd,
    spend_usd as seen_usd,
    score
from judged
cross join d01_settings as settings
where
    not is_sparse
    and residual is not null
    and day_number > 7
    and (weeks >= 5 or y > highest_y + ln(2) or (weeks >= 3 and y < lowest_y - ln(2)))
    and strength > settings.sigma_threshold
    and abs(score) > 0.5 * settings.sigma_threshold
    and abs(spend_usd - expected_usd) >= settings.spend_floor_usd
    and not (coalesce(moved_share, 0) >= 0.12 and abs(token_score) < 2.5)
