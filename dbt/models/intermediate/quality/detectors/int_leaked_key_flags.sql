{{ config(materialized = 'ephemeral') }}

-- Days on which a key with a history spends on models it never asked for before, on top of what it usually does.

with settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

residuals as (
    select * from {{ ref('int_subject_residuals') }}
),

key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key'
),

model_days as (
    select
        usage.source,
        usage.workspace_id,
        usage.api_key_id,
        usage.model_requested,
        usage.usage_date as event_date,
        cast(sum({{ detected_spend_usd('usage') }}) as double) as spend_usd
    from {{ ref('int_key_model_days') }} as usage
    group by all
),

first_days as (
    select
        *,
        min(event_date) over (partition by source, workspace_id, api_key_id, model_requested) as first_model_date,
        min(event_date) over (partition by source, workspace_id, api_key_id) as first_key_date
    from model_days
),

new_models as (
    select
        source,
        workspace_id,
        api_key_id,
        event_date,
        sum(spend_usd) as new_usd,
        string_agg(model_requested, ', ' order by spend_usd desc, model_requested asc) as models
    from first_days
    where event_date - first_model_date <= 6 and first_model_date - first_key_date >= 28
    group by all
),

scored as (
    select
        key_days.subject_number,
        key_days.event_date,
        new_models.new_usd,
        new_models.models,
        spend.y - spend.residual as expected_y,
        tokens.residual / tokens.sigma as token_score,
        spend.residual / spend.sigma as spend_score
    from new_models
    inner join key_days
        on new_models.source = key_days.source
        and new_models.workspace_id = key_days.workspace_id
        and new_models.api_key_id = key_days.subject_id
        and new_models.event_date = key_days.event_date
    inner join residuals as tokens
        on key_days.subject_number = tokens.subject_number
        and key_days.event_date = tokens.event_date
        and tokens.measure = 'tokens'
    inner join residuals as spend
        on key_days.subject_number = spend.subject_number
        and key_days.event_date = spend.event_date
        and spend.measure = 'spend'
    where not tokens.is_sparse
),

final as (
    select
        'leaked_key' as detector,
        scored.subject_number,
        scored.event_date,
        'spike' as direction,
        0 as expected_usd,
        scored.new_usd as seen_usd,
        scored.token_score as score,
        concat('models it never asked for: ', scored.models) as finding
    from scored
    cross join settings
    where
        scored.new_usd >= settings.spend_floor_usd
        and scored.new_usd >= 0.25 * exp(scored.expected_y)
        and scored.token_score > 2.5
        and scored.spend_score > 2.5
)

select * from final
