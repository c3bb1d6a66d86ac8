-- One row per key and day: what share of its calls moved to other models than in the four weeks before.
-- Spend that moved with the models while the tokens did not is a migration, a fallback or a price, not a spender.
with model_calls as (
    select
        source, workspace_id, api_key_id, model_served, event_date,
        sum(requests) as requests
    from usage_days
    group by all
),

models as (
    select source, workspace_id, api_key_id, model_served, min(event_date) as first_date
    from model_calls
    group by all
),

dense as (
    select
        key_days.source, key_days.workspace_id, key_days.api_key_id, key_days.event_date, models.model_served,
        coalesce(model_calls.requests, 0) as requests
    from d03_key_days as key_days
    inner join models using (source, workspace_id, api_key_id)
    left join model_calls using (source, workspace_id, api_key_id, model_served, event_date)
),

shares as (
    select
        *,
        requests / nullif(sum(requests) over (partition by source, workspace_id, api_key_id, event_date), 0) as share
    from dense
),

compared as (
    select
        *,
        avg(share) over (
            partition by source, workspace_id, api_key_id, model_served
            order by event_date asc rows between 28 preceding and 1 preceding
        ) as before_share
    from shares
)

select
    source, workspace_id, api_key_id, event_date,
    sum(greatest(share - before_share, 0)) as moved_share
from compared
group by all
