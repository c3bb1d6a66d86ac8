-- What moved: the models and keys of an incident, over its days, against the mean of the complete days of the four weeks
-- before.

{%- set subjects = {
    'key': ['workspace_id', 'api_key_id'],
    'member': ['workspace_id', 'member_id'],
    'workspace': ['workspace_id'],
    'model': ['model_served'],
} %}

with incidents as (
    select
        anomaly_id,
        subject_type,
        source,
        workspace_id,
        case when subject_type = 'key' then subject_id end as api_key_id,
        case when subject_type = 'member' then subject_id end as member_id,
        case when subject_type = 'model' then subject_id end as model_served,
        min(first_date) as first_date,
        max(event_date) as last_date
    from {{ ref('fct_anomaly_days') }}
    where subject_type != 'source' and not (subject_type = 'model' and detector != 'daily_spend')
    group by all
),

usage_daily as (
    select * from {{ ref('int_key_model_days') }}
),

complete_days as (
    select
        source,
        event_date
    from {{ ref('int_source_coverage') }}
    where verdict = 'complete'
),

baselines as (
    select
        incidents.*,
        greatest(count(complete_days.event_date), 1) as baseline_days
    from incidents
    left join complete_days
        on incidents.source = complete_days.source
        and complete_days.event_date between incidents.first_date - 28 and incidents.first_date - 1
    group by all
),

-- A day of the incident counts whole, one of the days before as its share of as many days.
incident_usage as (
    {% for subject_type, columns in subjects.items() -%}
    select
        incidents.anomaly_id,
        incidents.subject_type,
        usage_daily.api_key_id,
        usage_daily.model_served,
        usage_daily.usage_date >= incidents.first_date as is_of_incident,
        (incidents.last_date - incidents.first_date + 1) / incidents.baseline_days as baseline_share,
        cast({{ detected_spend_usd('usage_daily') }} as double) as spend_usd
    from baselines as incidents
    inner join usage_daily
        on incidents.source = usage_daily.source
        {% for column in columns -%}
        and incidents.{{ column }} = usage_daily.{{ column }}
        {% endfor -%}
        and usage_daily.usage_date between incidents.first_date - 28 and incidents.last_date
    where incidents.subject_type = '{{ subject_type }}'
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

contributors as (
    select
        anomaly_id,
        'model' as contributor_type,
        case when model_served = '' then 'unknown model' else model_served end as contributor,
        case when is_of_incident then spend_usd else -spend_usd * baseline_share end as moved_usd
    from incident_usage
    where subject_type != 'model'
    union all
    select
        anomaly_id,
        'key' as contributor_type,
        case when api_key_id = '' then 'unknown key' else api_key_id end as contributor,
        case when is_of_incident then spend_usd else -spend_usd * baseline_share end as moved_usd
    from incident_usage
    where subject_type != 'key'
),

summed as (
    select
        anomaly_id,
        contributor_type,
        contributor,
        cast(sum(moved_usd) as decimal(18, 2)) as moved_usd
    from contributors
    group by anomaly_id, contributor_type, contributor
),

final as (
    select
        anomaly_id,
        contributor_type,
        contributor,
        moved_usd,
        row_number() over (
            partition by anomaly_id order by abs(moved_usd) desc, contributor_type asc, contributor asc
        ) as contributor_rank,
        concat(contributor, case when moved_usd > 0 then ' +' else ' ' end, moved_usd, ' USD') as contribution
    from summed
    where moved_usd != 0
)

select * from final
