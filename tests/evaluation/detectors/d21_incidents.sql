-- One row per incident: flags of one subject that follow each other by at most four days. A key's flags are one incident,
-- whichever detectors saw it; but a key that spent too little is told apart, unless something else was wrong with it
-- that day. A model's and a source's incidents are told apart by detector.
with other_days as (
    select distinct source, workspace_id, api_key_id, first_date
    from d20_flags
    where subject_type = 'key' and detector in ('error_storm', 'fallback_storm', 'cache_collapse', 'ratio_shift')
),

subjects as (
    select
        flags.*,
        case
            when flags.subject_type != 'key' then flags.detector
            when flags.detector = 'daily_spend' and flags.direction = 'down' and other_days.source is null then 'down'
            else 'up'
        end as told_apart
    from d20_flags as flags
    left join other_days using (source, workspace_id, api_key_id, first_date)
),

gaps as (
    select
        *,
        case
            when first_date > 4 + max(last_date) over (
                partition by subject_type, source, workspace_id, api_key_id, model, told_apart
                order by first_date asc, last_date asc rows between unbounded preceding and 1 preceding
            ) then 1
            else 0
        end as is_first
    from subjects
),

numbered as (
    select
        *,
        sum(is_first) over (
            partition by subject_type, source, workspace_id, api_key_id, model, told_apart
            order by first_date asc, last_date asc rows unbounded preceding
        ) as number
    from gaps
)

select
    subject_type, source, workspace_id, api_key_id, model,
    list_sort(list_distinct(list(detector))) as detectors,
    arg_max(direction, abs(score)) as direction,
    min(first_date) as first_date,
    max(last_date) as last_date
from numbered
group by subject_type, source, workspace_id, api_key_id, model, told_apart, number
