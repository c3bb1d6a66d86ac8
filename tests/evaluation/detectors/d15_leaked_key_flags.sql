-- Days on which a key with a history spends on models it never asked for before, on top of what it usually does.
with model_days as (
    select
        source, workspace_id, api_key_id, model_requested, event_date,
        sum(case when unpriced_requests > 0 then greatest(cost_usd, reported_usd) else cost_usd end) as spend_usd,
        min(event_date) over (partition by source, workspace_id, api_key_id, model_requested) as first_model_date,
        min(event_date) over (partition by source, workspace_id, api_key_id) as first_key_date
    from usage_days
    group by source, workspace_id, api_key_id, model_requested, event_date
),

new_models as (
    select
        source, workspace_id, api_key_id, event_date,
        sum(spend_usd) as new_usd
    from model_days
    where event_date - first_model_date <= 6 and first_model_date - first_key_date >= 28
    group by all
)

select
    'leaked_key' as detector,
    new_models.source, new_models.workspace_id, new_models.api_key_id, new_models.event_date,
    'up' as direction,
    0 as expected_usd,
    new_usd as seen_usd,
    tokens.residual / tokens.sigma as score
from new_models
inner join d04_residuals as tokens
    on new_models.source = tokens.source and new_models.workspace_id = tokens.workspace_id
    and new_models.api_key_id = tokens.api_key_id and new_models.event_date = tokens.event_date
    and tokens.measure = 'tokens'
inner join d04_residuals as spend
    on new_models.source = spend.source and new_models.workspace_id = spend.workspace_id
    and new_models.api_key_id = spend.api_key_id and new_models.event_date = spend.event_date
    and spend.measure = 'spend'
cross join d01_settings as settings
where
    not tokens.is_sparse
    and new_usd >= settings.spend_floor_usd
    and new_usd >= 0.25 * exp(spend.y - spend.residual)
    and tokens.residual / tokens.sigma > 2.5
    and spend.residual / spend.sigma > 2.5
