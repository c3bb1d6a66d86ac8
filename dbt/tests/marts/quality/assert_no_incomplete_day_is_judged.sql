-- Fails if an incident names a day that more may still arrive for: a partial day looks like a drop.

with anomalies as (
    select * from {{ ref('fct_anomalies') }}
),

complete_days as (
    select * from {{ ref('fct_day_completeness') }}
    where is_complete
)

select anomalies.*
from anomalies
left join complete_days
    on anomalies.source = complete_days.source and anomalies.last_date = complete_days.event_date
where complete_days.event_date is null
