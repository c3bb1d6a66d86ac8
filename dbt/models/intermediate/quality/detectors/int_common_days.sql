{{ config(materialized = 'ephemeral') }}

-- Whether many keys of a place went up or down together, as on a holiday or at a month's end. What moves many keys at once
-- is not an event of each of them.

with subject_days as (
    select * from {{ ref('int_subject_days') }}
),

judged as (
    select
        subject_days.source,
        subject_days.workspace_id,
        residuals.event_date,
        residuals.residual,
        case when residuals.residual < -2.5 * residuals.sigma then 1 else 0 end as is_down,
        case when residuals.residual > 2.5 * residuals.sigma then 1 else 0 end as is_up
    from {{ ref('int_subject_residuals') }} as residuals
    inner join subject_days
        on residuals.subject_number = subject_days.subject_number
        and residuals.event_date = subject_days.event_date
    where
        residuals.measure = 'spend'
        and residuals.subject_type = 'key'
        and not residuals.is_sparse
        and residuals.day_number > 14
),

counted as (
    select
        source,
        workspace_id,
        event_date,
        grouping_id(source, workspace_id) as level,
        count(*) as keys,
        sum(is_down) / count(*) as down_share,
        sum(is_up) / count(*) as up_share,
        quantile_cont(residual, 0.25) filter (where is_down = 1) as usual_down,
        median(residual) filter (where is_up = 1) as usual_up
    from judged
    group by grouping sets ((source, workspace_id, event_date), (source, event_date), (event_date))
),

shares as (
    select
        *,
        case level when 0 then 5 when 1 then 6 else 10 end as least_keys,
        case level when 0 then 0.5 when 1 then 0.25 else 0.08 end as least_down_share,
        case level when 0 then 0.8 when 1 then 0.45 else 0.2 end as least_up_share
    from counted
),

common as (
    select
        source,
        workspace_id,
        event_date,
        case when keys >= least_keys and down_share >= least_down_share then usual_down end as common_down,
        case when keys >= least_keys and up_share >= least_up_share then usual_up end as common_up
    from shares
),

places as (
    select distinct
        source,
        workspace_id,
        event_date
    from subject_days
),

final as (
    select
        places.source,
        places.workspace_id,
        places.event_date,
        min(common.common_down) as common_down,
        max(common.common_up) as common_up
    from places
    inner join common
        on places.event_date = common.event_date
        and (common.source is null or common.source = places.source)
        and (common.workspace_id is null or common.workspace_id = places.workspace_id)
    where common.common_down is not null or common.common_up is not null
    group by places.source, places.workspace_id, places.event_date
)

select * from final
