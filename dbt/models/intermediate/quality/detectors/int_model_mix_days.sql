{{ config(materialized = 'ephemeral') }}

-- What share of a key's calls moved to other models than in the four weeks before. Spend that moved with the models while
-- the tokens did not is a migration, a fallback or a price, not a spender.

with key_days as (
    select * from {{ ref('int_subject_days') }}
    where subject_type = 'key'
),

model_calls as (
    select
        key_days.subject_number,
        usage.model_served,
        key_days.event_date,
        sum(usage.requests) as requests
    from {{ ref('int_key_model_days') }} as usage
    inner join key_days
        on usage.source = key_days.source
        and usage.workspace_id = key_days.workspace_id
        and usage.api_key_id = key_days.subject_id
        and usage.usage_date = key_days.event_date
    group by all
),

-- A key that only ever used one model has no mix.
models as (
    select
        subject_number,
        model_served
    from model_calls
    group by subject_number, model_served
    qualify count(*) over (partition by subject_number) > 1
),

dense as (
    select
        key_days.subject_number,
        key_days.event_date,
        models.model_served,
        coalesce(model_calls.requests, 0) as requests
    from key_days
    inner join models on key_days.subject_number = models.subject_number
    left join model_calls
        on key_days.subject_number = model_calls.subject_number
        and models.model_served = model_calls.model_served
        and key_days.event_date = model_calls.event_date
),

shares as (
    select
        *,
        requests / nullif(sum(requests) over (partition by subject_number, event_date), 0) as share
    from dense
),

compared as (
    select
        *,
        avg(share) over (
            partition by subject_number, model_served
            order by event_date asc rows between 28 preceding and 1 preceding
        ) as before_share
    from shares
),

final as (
    select
        subject_number,
        event_date,
        sum(greatest(share - before_share, 0)) as moved_share
    from compared
    group by subject_number, event_date
)

select * from final
