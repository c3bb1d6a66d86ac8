{#- Rulings: docs/decisions/anomalies.md#anomalies-1 -#}
-- Every day that a detector flagged, and the incident it belongs to. Flags of one subject that follow each other by at most
-- four days are one incident, whichever detectors saw it; but who spent too little is told apart from who spent too much,
-- unless something else was wrong that day. A model's and a source's incidents are told apart by detector.

with subjects as (
    select distinct
        subject_number,
        subject_type,
        source,
        workspace_id,
        subject_id
    from {{ ref('int_subject_days') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

model_flags as (
    select * from {{ ref('int_model_flags') }}
),

subject_flags as (
    select
        'daily_spend' as detector,
        * exclude (subject_type)
    from {{ ref('int_daily_spend_days') }}
    where subject_type = 'key'
    union all by name
    select * from {{ ref('int_wider_spend_flags') }}
    union all by name
    select * from {{ ref('int_sparse_burst_flags') }}
    union all by name
    select * from {{ ref('int_new_spender_flags') }}
    union all by name
    select * from {{ ref('int_slow_leak_flags') }}
    union all by name
    select * from {{ ref('int_night_leak_flags') }}
    union all by name
    select * from {{ ref('int_leaked_key_flags') }}
    union all by name
    select * from {{ ref('int_call_flags') }}
    union all by name
    select * from {{ ref('int_rate_flags') }}
),

-- A model that fails for several keys is told once, as the model's.
model_storms as (
    select distinct
        source,
        event_date
    from model_flags
    where detector = 'error_storm'
),

flags as (
    select
        subject_flags.detector,
        subjects.subject_type,
        subjects.source,
        subjects.workspace_id,
        subjects.subject_id,
        subject_flags.event_date,
        case when subject_flags.detector = 'slow_leak' then subject_flags.event_date - 20 else subject_flags.event_date end as first_date,
        subject_flags.direction,
        subject_flags.expected_usd,
        subject_flags.seen_usd,
        subject_flags.score,
        subject_flags.finding
    from subject_flags
    inner join subjects on subject_flags.subject_number = subjects.subject_number
    left join model_storms
        on subjects.source = model_storms.source and subject_flags.event_date = model_storms.event_date
    where subject_flags.detector != 'error_storm' or model_storms.source is null
    union all by name
    select
        * exclude (model_served),
        'model' as subject_type,
        '' as workspace_id,
        model_served as subject_id,
        event_date as first_date
    from model_flags
    union all by name
    select
        *,
        'source' as subject_type,
        '' as workspace_id,
        source as subject_id,
        event_date as first_date,
        cast(null as double) as expected_usd,
        cast(null as double) as seen_usd
    from {{ ref('int_source_flags') }}
),

-- Days on which a key spent less because something else was wrong with it.
other_days as (
    select distinct
        subject_type,
        source,
        workspace_id,
        subject_id,
        first_date
    from flags
    where detector in ('error_storm', 'fallback_storm', 'cache_collapse', 'ratio_shift')
),

told_apart as (
    select
        flags.*,
        case
            when flags.subject_type = 'source' or (flags.subject_type = 'model' and flags.detector != 'daily_spend')
                then flags.detector
            when flags.detector = 'daily_spend' and flags.direction = 'drop' and other_days.source is null then 'drop'
            else 'spike'
        end as told_apart
    from flags
    left join other_days
        on flags.subject_type = other_days.subject_type
        and flags.source = other_days.source
        and flags.workspace_id = other_days.workspace_id
        and flags.subject_id = other_days.subject_id
        and flags.first_date = other_days.first_date
),

gaps as (
    select
        *,
        case
            when first_date > 4 + max(event_date) over (
                partition by subject_type, source, workspace_id, subject_id, told_apart
                order by first_date asc, event_date asc rows between unbounded preceding and 1 preceding
            ) then 1
            else 0
        end as is_first
    from told_apart
),

numbered as (
    select
        *,
        sum(is_first) over (
            partition by subject_type, source, workspace_id, subject_id, told_apart
            order by first_date asc, event_date asc rows unbounded preceding
        ) as number
    from gaps
),

identified as (
    select
        *,
        md5(concat_ws(
            '|', subject_type, source, workspace_id, subject_id, told_apart,
            cast(min(event_date) over (
                partition by subject_type, source, workspace_id, subject_id, told_apart, number
            ) as varchar)
        )) as anomaly_id,
        max(event_date) over (
            partition by subject_type, source, workspace_id, subject_id, told_apart, number
        ) as last_date
    from numbered
),

last_days as (
    select max(event_date) as last_date
    from {{ ref('int_source_coverage') }}
),

final as (
    select
        identified.anomaly_id,
        identified.detector,
        identified.subject_type,
        identified.subject_id,
        identified.source,
        identified.workspace_id,
        identified.event_date,
        identified.first_date,
        identified.direction,
        cast(round(identified.expected_usd, 6) as decimal(38, 12)) as expected_usd,
        cast(round(identified.seen_usd, 6) as decimal(38, 12)) as seen_usd,
        cast(round(identified.seen_usd - identified.expected_usd, 6) as decimal(38, 12)) as excess_usd,
        round(cast(identified.score as double), 6) as score,
        identified.finding
    from identified
    cross join settings
    cross join last_days
    where identified.last_date >= last_days.last_date - settings.reported_days
)

select * from final
