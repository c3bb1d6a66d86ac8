-- One row per incident and model: the change of the model's spend compared with the incident's baseline days.

with flagged_days as (
    select * from {{ ref('fct_anomaly_days') }}
),

key_days as (
    select * from {{ ref('fct_key_spend_daily') }}
),

usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

flagged_keys as (
    select distinct
        source,
        workspace_id,
        api_key_id
    from flagged_days
),

model_spend as (
    select
        usage_daily.source,
        flagged_keys.workspace_id,
        flagged_keys.api_key_id,
        usage_daily.usage_date as event_date,
        coalesce(usage_daily.model_served, 'unknown model') as model,
        {{ spend_of_usage() }} as spend_usd
    from usage_daily
    inner join flagged_keys
        on usage_daily.source = flagged_keys.source
        and coalesce(usage_daily.workspace_id, '') = flagged_keys.workspace_id
        and coalesce(usage_daily.api_key_id, '') = flagged_keys.api_key_id
    group by
        usage_daily.source,
        flagged_keys.workspace_id,
        flagged_keys.api_key_id,
        usage_daily.usage_date,
        coalesce(usage_daily.model_served, 'unknown model')
),

tested_days as (
    select
        flagged_days.anomaly_id,
        flagged_days.detection_rule,
        key_days.source,
        key_days.workspace_id,
        key_days.api_key_id,
        key_days.event_date,
        key_days.day_number,
        key_days.weekday,
        key_days.weekday_number
    from flagged_days
    inner join key_days
        on {{ is_same_key('flagged_days', 'key_days') }}
        and flagged_days.event_date = key_days.event_date
),

baseline_days as (
    select
        tested_days.anomaly_id,
        tested_days.event_date as tested_date,
        key_days.source,
        key_days.workspace_id,
        key_days.api_key_id,
        key_days.event_date,
        count(*) over (partition by tested_days.anomaly_id, tested_days.event_date) as baseline_day_count
    from tested_days
    inner join key_days
        on {{ is_same_key('tested_days', 'key_days') }}
    where
        (
            tested_days.detection_rule = 'same_weekday'
            and {{ is_same_weekday_before('key_days', 'tested_days') }}
        )
        or (
            tested_days.detection_rule in ('sparse', 'percentage')
            and {{ is_recent_before('key_days', 'tested_days') }}
        )
),

movements as (
    select
        tested_days.anomaly_id,
        model_spend.model,
        cast(model_spend.spend_usd as double) as moved_usd
    from tested_days
    inner join model_spend
        on {{ is_same_key('tested_days', 'model_spend') }}
        and tested_days.event_date = model_spend.event_date
    union all
    select
        baseline_days.anomaly_id,
        model_spend.model,
        -cast(model_spend.spend_usd as double) / cast(baseline_days.baseline_day_count as double) as moved_usd
    from baseline_days
    inner join model_spend
        on {{ is_same_key('baseline_days', 'model_spend') }}
        and baseline_days.event_date = model_spend.event_date
),

summed as (
    select
        anomaly_id,
        model,
        cast(sum(moved_usd) as decimal(18, 2)) as moved_usd
    from movements
    group by anomaly_id, model
),

ranked as (
    select
        summed.*,
        row_number() over (
            partition by anomaly_id order by abs(moved_usd) desc, model asc
        ) as contributor_rank
    from summed
    where moved_usd <> 0
),

worded as (
    select
        anomaly_id,
        model,
        moved_usd,
        contributor_rank,
        concat(model, case when moved_usd > 0 then ' +' else ' ' end, cast(moved_usd as string), ' USD') as contribution
    from ranked
)

select * from worded
