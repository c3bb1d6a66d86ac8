-- One row per incident: consecutive days on which one key spent out of the ordinary, all up or all down.

with flagged_days as (
    select * from {{ ref('fct_anomaly_days') }}
),

contributors as (
    select * from {{ ref('fct_anomaly_contributors') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

ranked_days as (
    select
        flagged_days.*,
        row_number() over (
            partition by anomaly_id order by abs(excess_usd) desc, event_date asc
        ) as excess_rank
    from flagged_days
),

incidents as (
    select
        anomaly_id,
        source,
        workspace_id,
        api_key_id,
        direction,
        max(case when excess_rank = 1 then detection_rule end) as detection_rule,
        max(case when excess_rank = 1 then event_date end) as peak_date,
        max(case when excess_rank = 1 then z_score end) as peak_z_score,
        min(event_date) as first_date,
        max(event_date) as last_date,
        cast(count(*) as bigint) as flagged_day_count,
        cast(sum(expected_usd) as decimal(38, 12)) as expected_usd,
        cast(sum(spend_usd) as decimal(38, 12)) as seen_usd,
        cast(sum(excess_usd) as decimal(38, 12)) as excess_usd
    from ranked_days
    group by anomaly_id, source, workspace_id, api_key_id, direction
),

explanations as (
    select
        anomaly_id,
        concat_ws(
            '; ',
            max(case when contributor_rank = 1 then contribution end),
            max(case when contributor_rank = 2 then contribution end),
            max(case when contributor_rank = 3 then contribution end)
        ) as contributors
    from contributors
    group by anomaly_id
),

final as (
    select
        ---------- ids
        incidents.anomaly_id,
        'daily_spend' as detector,
        incidents.detection_rule,
        incidents.source,
        nullif(incidents.workspace_id, '') as workspace_id,
        nullif(incidents.api_key_id, '') as api_key_id,

        ---------- what happened
        incidents.direction,
        case
            when incidents.direction = 'spike' and incidents.excess_usd >= settings.spend_floor_usd * 25 then 'high'
            when incidents.direction = 'spike' and incidents.excess_usd >= settings.spend_floor_usd * 5 then 'medium'
            else 'low'
        end as severity,
        coalesce(explanations.contributors, '') as contributors,

        ---------- when
        incidents.first_date,
        incidents.last_date,
        incidents.peak_date,
        incidents.flagged_day_count,

        ---------- how much
        incidents.expected_usd,
        incidents.seen_usd,
        incidents.excess_usd,
        cast(incidents.peak_z_score as decimal(18, 6)) as peak_z_score
    from incidents
    cross join settings
    left join explanations on incidents.anomaly_id = explanations.anomaly_id
)

select * from final
