{{ config(materialized = 'table') }}

-- Keys, and members, workspaces and models that several keys make up: every complete day since the first use, days
-- without a call as zero. Weighted tokens are what the calls would cost at one price for all models: cached input a
-- tenth, output four times.

{%- set measures = [
    'requests', 'failures', 'charged_failures', 'charged_failure_usd', 'fallbacks', 'fallback_usd', 'input_tokens',
    'cached_tokens', 'output_tokens', 'weighted_tokens', 'spend_usd',
] %}

with source_days as (
    select * from {{ ref('int_source_coverage') }}
),

first_days as (
    select
        source,
        min(event_date) as first_date
    from source_days
    group by source
),

usage_days as (
    select
        usage.*,
        case when usage.fallbacks > 0 then usage.cost_usd else 0 end as fallback_usd,
        usage.input_tokens - 0.9 * usage.cached_tokens + 4 * usage.output_tokens as weighted_tokens,
        {{ detected_spend_usd('usage') }} as spend_usd
    from {{ ref('int_key_model_days') }} as usage
    inner join first_days on usage.source = first_days.source and usage.usage_date >= first_days.first_date
),

summed as (
    select
        case grouping_id(api_key_id, member_id, workspace_id, model_served)
            when 5 then 'key' when 9 then 'member' when 13 then 'workspace' else 'model'
        end as subject_type,
        source,
        coalesce(workspace_id, '') as workspace_id,
        case grouping_id(api_key_id, member_id, workspace_id, model_served)
            when 5 then api_key_id when 9 then member_id when 13 then workspace_id else model_served
        end as subject_id,
        usage_date as event_date,
        count(distinct concat_ws('|', workspace_id, api_key_id)) as keys,
        {% for measure in measures -%}
            cast(sum({{ measure }}) as double) as {{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from usage_days
    group by grouping sets (
        (source, workspace_id, api_key_id, usage_date),
        (source, workspace_id, member_id, usage_date),
        (source, workspace_id, usage_date),
        (source, model_served, usage_date)
    )
),

-- What one or two keys make up is judged as these keys.
subjects as (
    select
        row_number() over (order by subject_type asc, source asc, workspace_id asc, subject_id asc) as subject_number,
        subject_type,
        source,
        workspace_id,
        subject_id,
        min(event_date) as first_date
    from summed
    group by subject_type, source, workspace_id, subject_id
    having subject_type = 'key' or (max(keys) >= 3 and subject_id != '')
),

dense as (
    select
        subjects.*,
        source_days.event_date,
        source_days.source_day_number,
        dayofweek(source_days.event_date) as weekday,
        {% for measure in measures -%}
            coalesce(summed.{{ measure }}, 0) as {{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from subjects
    inner join source_days
        on subjects.source = source_days.source
        and subjects.first_date <= source_days.event_date
        and source_days.verdict = 'complete'
    left join summed
        on subjects.subject_type = summed.subject_type
        and subjects.source = summed.source
        and subjects.workspace_id = summed.workspace_id
        and subjects.subject_id = summed.subject_id
        and source_days.event_date = summed.event_date
),

numbered as (
    select
        *,
        row_number() over (partition by subject_number order by event_date asc) as day_number,
        case when avg(case when requests > 0 then 1 else 0 end) over same_weekdays >= 0.3 then 1 else 0 end as weekday_is_used
    from dense
    window same_weekdays as (
        partition by subject_number, weekday
        order by event_date asc rows between 8 preceding and 1 preceding
    )
),

-- A weekday on which the subject never works says nothing about how regular it is.
regular as (
    select
        *,
        sum(case when weekday_is_used = 1 and requests = 0 then 1 else 0 end) over recent
        / nullif(sum(weekday_is_used) over recent, 0) as idle_share,
        avg(case when requests > 0 then 1 else 0 end) over recent as active_share
    from numbered
    window recent as (partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding)
),

-- Once sparse, sparse for eight weeks: who goes back and forth is not judged by weekdays in between.
final as (
    select
        *,
        coalesce(max(case when day_number > 14 then idle_share end) over lately >= 0.25, false)
        or (active_share < 0.6 and (day_number <= 28 or idle_share is null)) as is_sparse
    from regular
    window lately as (partition by subject_number order by event_date asc rows between 56 preceding and current row)
)

select * from final
