-- Every flag: detector, subject, first and last day it speaks of.
with key_flags as (
    select * from d10_spend_flags
    union all by name select * from d11_sparse_flags
    union all by name select * from d12_new_spender_flags
    union all by name select * from d13_slow_leak_flags
    union all by name select * from d14_night_flags
    union all by name select * from d15_leaked_key_flags
    union all by name select * from d16_call_flags
    union all by name select * from d17_rate_flags
),

-- A model that fails for several keys is told once, as the model's.
model_storms as (
    select source, event_date
    from d18_model_flags
    where detector = 'error_storm'
    group by all
),

own_flags as (
    select key_flags.*
    from key_flags
    left join model_storms using (source, event_date)
    where detector != 'error_storm' or model_storms.source is null
)

select
    detector, 'key' as subject_type, source, workspace_id, api_key_id, '' as model, direction,
    case when detector = 'slow_leak' then event_date - 20 else event_date end as first_date,
    event_date as last_date, expected_usd, seen_usd, score
from own_flags
union all
select
    detector, 'model' as subject_type, source, '' as workspace_id, '' as api_key_id, model_served as model, direction,
    event_date, event_date, expected_usd, seen_usd, score
from d18_model_flags
union all
select
    detector, 'source' as subject_type, source, '' as workspace_id, '' as api_key_id, '' as model, 'up' as direction,
    event_date, event_date, null, seen_usd, score
from d19_source_flags
