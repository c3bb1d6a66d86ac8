{{ config(materialized = 'ephemeral') }}

-- Runaway loops (calls with equal token counts within ten minutes) and bursts (calls in a minute), far beyond the last four
-- weeks.

with key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key'
),

day_peaks as (
    select
        key_days.subject_number,
        key_days.event_date,
        max(key_hours.most_identical) as most_identical,
        max(key_hours.peak_rpm) as peak_rpm
    from {{ ref('int_key_hours') }} as key_hours
    inner join key_days
        on key_hours.source = key_days.source
        and key_hours.workspace_id = key_days.workspace_id
        and key_hours.api_key_id = key_days.subject_id
        and key_hours.event_date = key_days.event_date
    group by all
),

peaks as (
    select
        *,
        count(*) over before as days,
        max(most_identical) over before as usual_identical,
        max(peak_rpm) over before as usual_rpm
    from day_peaks
    window before as (partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding)
),

final as (
    select
        'runaway_loop' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        most_identical / greatest(usual_identical, 1) as score,
        concat(most_identical, ' equal calls within ten minutes, never more than ', usual_identical, ' before') as finding
    from peaks
    where most_identical >= 40 and most_identical > 3 * usual_identical and (days >= 5 or most_identical >= 200)
    union all
    select
        'burst' as detector,
        subject_number,
        event_date,
        'spike' as direction,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd,
        peak_rpm / greatest(usual_rpm, 1) as score,
        concat(peak_rpm, ' calls in a minute, never more than ', usual_rpm, ' before') as finding
    from peaks
    where peak_rpm >= 60 and peak_rpm > 3.5 * usual_rpm and days >= 7
)

select * from final
