-- Runaway loops (identical calls within ten minutes) and bursts (calls in a minute), far beyond the last four weeks.
with peaks as (
    select
        *,
        count(*) over before as days,
        max(max_identical) over before as usual_identical,
        max(peak_rpm) over before as usual_rpm
    from key_peaks
    window before as (
        partition by source, workspace_id, api_key_id order by event_date asc rows between 28 preceding and 1 preceding
    )
)

select
    'runaway_loop' as detector,
    source, workspace_id, api_key_id, event_date,
    'up' as direction,
    null::double as expected_usd,
    null::double as seen_usd,
    max_identical / greatest(usual_identical, 1) as score
from peaks
where max_identical >= 40 and max_identical > 3 * usual_identical and (days >= 5 or max_identical >= 200)
union all
select
    'burst' as detector,
    source, workspace_id, api_key_id, event_date,
    'up' as direction,
    null::double as expected_usd,
    null::double as seen_usd,
    peak_rpm / greatest(usual_rpm, 1) as score
from peaks
where peak_rpm >= 60 and peak_rpm > 3.5 * usual_rpm and days >= 7
