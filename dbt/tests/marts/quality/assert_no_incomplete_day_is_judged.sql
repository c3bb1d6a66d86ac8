-- Fails if an incident of a key, a member or a workspace names a day that is not complete: a partial day looks like a drop.

with anomaly_days as (
    select * from {{ ref('fct_anomaly_days') }}
    where subject_type in ('key', 'member', 'workspace')
),

complete_days as (
    select * from {{ ref('int_source_coverage') }}
    where verdict = 'complete'
)

select anomaly_days.*
from anomaly_days
left join complete_days
    on anomaly_days.source = complete_days.source and anomaly_days.event_date = complete_days.event_date
where complete_days.event_date is null
