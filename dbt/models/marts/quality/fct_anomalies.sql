{#- Rulings: docs/decisions/anomalies.md#anomalies-1, docs/decisions/anomalies.md#anomalies-2 -#}
-- One row per incident: the flags of one subject that follow each other, by whichever detectors.
{%- do source('books', 'run') %}

{%- set evidence = {
    'key': 'api_key_id', 'member': 'member_id', 'workspace': 'workspace_id', 'model': 'model_served',
} %}

with flagged_days as (
    select
        *,
        coalesce(abs(excess_usd), -1) as size_usd
    from {{ ref('fct_anomaly_days') }}
),

contributors as (
    select * from {{ ref('fct_anomaly_contributors') }}
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

acknowledged as (
    select acknowledgements.anomaly_id
    from {{ ref('stg_config__incident_acknowledgements') }} as acknowledgements
    inner join {{ run_state() }} as run on acknowledgements.until_date >= run.found_on
),

-- Until when each source is judged.
judged as (
    select
        source,
        max(event_date) as last_judged_date
    from {{ ref('int_source_coverage') }}
    where verdict not in ('awaited', 'incomplete')
    group by source
),

-- A leak speaks of three weeks, each other flag of one day; a day that several detectors saw counts once.
ranked_days as (
    select
        *,
        row_number() over (
            partition by anomaly_id, detector = 'slow_leak', case when detector = 'slow_leak' then anomaly_id else cast(event_date as varchar) end
            order by size_usd desc, abs(score) desc, detector asc
        ) as rank_of_day
    from flagged_days
),

amounts as (
    select
        anomaly_id,
        detector = 'slow_leak' as is_leak,
        sum(expected_usd) as expected_usd,
        sum(seen_usd) as seen_usd,
        sum(excess_usd) as excess_usd
    from ranked_days
    where rank_of_day = 1 and excess_usd is not null
    group by anomaly_id, detector = 'slow_leak'
),

larger_amounts as (
    select *
    from amounts
    qualify row_number() over (partition by anomaly_id order by abs(excess_usd) desc, is_leak asc) = 1
),

-- The day furthest from the expected.
peaks as (
    select *
    from flagged_days
    qualify row_number() over (
        partition by anomaly_id order by size_usd desc, abs(score) desc, event_date asc, detector asc
    ) = 1
),

incidents as (
    select
        anomaly_id,
        string_agg(distinct detector, ', ' order by detector asc) as detectors,
        min(first_date) as first_date,
        min(event_date) as first_flagged_date,
        max(event_date) as last_date,
        count(distinct event_date) as flagged_day_count,
        max(case
            when detector in ('leaked_key', 'missing_day', 'silent_source') then 2
            when
                detector in (
                    'runaway_loop', 'error_storm', 'charged_failures', 'price_change', 'missing_hours', 'missing_calls',
                    'system_cost'
                )
                then 1
            else 0
        end) as gravity
    from flagged_days
    group by anomaly_id
),

-- What names a cause says more than the spend it led to.
main_detectors as (
    select
        anomaly_id,
        detector
    from flagged_days
    qualify row_number() over (
        partition by anomaly_id
        order by
            detector in ('leaked_key', 'runaway_loop', 'error_storm', 'charged_failures', 'fallback_storm') desc,
            size_usd desc, abs(score) desc, detector asc
    ) = 1
),

findings as (
    select
        anomaly_id,
        string_agg(finding, '; ' order by detector asc) as findings
    from (
        select
            anomaly_id,
            detector,
            arg_max(finding, abs(score)) as finding
        from flagged_days
        where finding != ''
        group by anomaly_id, detector
    ) as of_detectors
    group by anomaly_id
),

explanations as (
    select
        anomaly_id,
        string_agg(contribution, '; ' order by contributor_rank asc) as explanation
    from contributors
    where contributor_rank <= 3
    group by anomaly_id
),

described as (
    select
        incidents.*,
        main_detectors.detector,
        peaks.subject_type,
        peaks.subject_id,
        peaks.source,
        peaks.workspace_id,
        peaks.direction,
        peaks.event_date as peak_date,
        larger_amounts.expected_usd,
        larger_amounts.seen_usd,
        larger_amounts.excess_usd,
        concat_ws('; ', findings.findings, explanations.explanation) as contributors,
        judged.last_judged_date
    from incidents
    inner join peaks on incidents.anomaly_id = peaks.anomaly_id
    inner join main_detectors on incidents.anomaly_id = main_detectors.anomaly_id
    left join larger_amounts on incidents.anomaly_id = larger_amounts.anomaly_id
    left join findings on incidents.anomaly_id = findings.anomaly_id
    left join explanations on incidents.anomaly_id = explanations.anomaly_id
    left join judged on peaks.source = judged.source
),

final as (
    select
        ---------- ids
        described.anomaly_id,
        described.detector,
        described.detectors,
        described.subject_type,
        nullif(described.subject_id, '') as subject_id,
        described.source,
        nullif(described.workspace_id, '') as workspace_id,
        case when described.subject_type = 'key' then nullif(described.subject_id, '') end as api_key_id,
        case when described.subject_type = 'model' then nullif(described.subject_id, '') end as model,

        ---------- what happened
        described.direction,
        case
            when described.direction = 'drop' and described.subject_type != 'source' then 'low'
            when described.excess_usd >= settings.spend_floor_usd * 25 or described.gravity = 2 then 'high'
            when described.excess_usd >= settings.spend_floor_usd * 5 or described.gravity = 1 then 'medium'
            else 'low'
        end as severity,
        described.contributors,

        ---------- when
        described.first_date,
        described.last_date,
        described.peak_date,
        described.flagged_day_count,

        ---------- how much
        described.expected_usd,
        described.seen_usd,
        described.excess_usd,

        ---------- what to look at
        case described.subject_type
            when 'source' then concat(
                'select * from rpt_delivery_days where source = ''', replace(described.source, '''', ''''''),
                ''' and usage_date between date ''', described.first_date, ''' and date ''', described.last_date, ''''
            )
            else concat(
                'select * from fct_usage_costs where source = ''', replace(described.source, '''', ''''''), '''',
                {% for subject_type, column in evidence.items() -%}
                    case
                        when described.subject_type = '{{ subject_type }}' and described.subject_id = '' then ' and {{ column }} is null'
                        when described.subject_type = '{{ subject_type }}'
                            then concat(' and {{ column }} = ''', replace(described.subject_id, '''', ''''''), '''')
                    end,
                {% endfor -%}
                case
                    when described.subject_type in ('key', 'member') and described.workspace_id != ''
                        then concat(' and workspace_id = ''', replace(described.workspace_id, '''', ''''''), '''')
                end,
                ' and event_date between date ''', described.first_date, ''' and date ''', described.last_date, ''''
            )
        end as evidence_sql,

        ---------- how it goes on
        case
            when described.last_date + 4 < described.last_judged_date then 'resolved'
            when acknowledged.anomaly_id is not null then 'acknowledged'
            else 'open'
        end as status,
        coalesce(described.first_flagged_date >= described.last_judged_date, true) as is_new
    from described
    cross join settings
    left join acknowledged on described.anomaly_id = acknowledged.anomaly_id
)

select * from final
