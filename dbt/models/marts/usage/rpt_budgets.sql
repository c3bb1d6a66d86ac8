{#- Rulings: docs/decisions/reports.md#reports-4 -#}
-- Budgeted against actual cost of a month, in the billing zone. As of the last request of the source (of any, where a
-- budget names no source): forecast = used so far + mean of the last (up to seven) complete days * days of the month
-- still to come A complete day is one before the last day with data, and not before the first; a day without a call
-- counts as 0.

with budgets as (
    select * from {{ ref('stg_config__budgets') }}
),

plans as (
    select * from {{ ref('stg_infery__plans') }}
),

{% set rollups = {
    'all': ["'all'", 'rpt_usage_by_workspace_daily'],
    'workspace': ['workspace_id', 'rpt_usage_by_workspace_daily'],
    'api_key': ['api_key_id', 'rpt_usage_by_key_daily'],
    'member': ['member_id', 'rpt_usage_by_member_daily'],
    'group': ['group_name', 'rpt_usage_by_group_daily'],
    'model': [model_name(), 'rpt_usage_by_model_daily'],
} -%}

-- A plan's allowance is a workspace's budget in credits, without an alarm: what goes beyond is bought.
allowances as (
    select
        'budget' as kind,
        budget_id as allowance_id,
        source,
        scope,
        coalesce(subject, 'all') as subject,
        'usd' as unit,
        cast(month_usd as decimal(38, 12)) as allowance,
        valid_from,
        valid_to
    from budgets
    union all
    select
        'plan' as kind,
        concat_ws(':', workspace_id, plan_name) as allowance_id,
        source,
        'workspace' as scope,
        workspace_id as subject,
        'credits' as unit,
        cast(monthly_credits as decimal(38, 12)) as allowance,
        cast(valid_from_at as date) as valid_from,
        cast(valid_to_at as date) as valid_to
    from plans
    where monthly_credits is not null
),

usage_days as (
    {% for scope, (subject, rollup) in rollups.items() -%}
        select
            '{{ scope }}' as scope,
            {{ subject }} as subject,
            source,
            billing_date,
            sum(cache_optimized_cost_usd) as usd,
            sum(credits_used) as credits,
            sum(unpriced_requests) as unpriced_requests
        from {{ ref(rollup) }}
        where
            {{ subject }} in (
                select allowances.subject
                from allowances
                where allowances.scope = '{{ scope }}'
            )
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

source_days as (
    select distinct
        source,
        billing_date
    from {{ ref('rpt_usage_by_workspace_daily') }}
),

-- Which months there are, and up to which day each of them is known.
months as (
    select
        allowances.*,
        cast(date_trunc('month', source_days.billing_date) as date) as billing_month,
        max(source_days.billing_date) as last_billing_date
    from allowances
    inner join source_days on allowances.source = source_days.source or allowances.source is null
    group by all
),

periods as (
    select
        *,
        cast(billing_month + interval 1 month as date) - 1 as month_end,
        min(billing_month) over (partition by kind, allowance_id, scope, subject, source, valid_from) as first_month,
        max(last_billing_date) over (partition by kind, allowance_id, scope, subject, source, valid_from) as data_end
    from months
),

first_days as (
    select
        source,
        min(billing_date) as first_billing_date
    from source_days
    group by source
),

-- The budget that counts for a month is the one of its last day, or of the last day with data.
dated as (
    select
        periods.*,
        case when data_end > month_end then month_end else data_end end as as_of_date,
        data_end <= month_end as is_current_month,
        (
            select min(first_days.first_billing_date)
            from first_days
            where first_days.source = periods.source or periods.source is null
        ) as first_billing_date
    from periods
),

valid as (
    select
        *,
        cast(least(7, as_of_date - first_billing_date) as integer) as complete_days,
        case when is_current_month then month_end - as_of_date else 0 end as days_to_come
    from dated
    where valid_from <= as_of_date and (valid_to is null or valid_to > as_of_date)
),

spent as (
    select
        valid.*,
        cast(coalesce(sum(
            case
                when usage_days.billing_date >= valid.billing_month
                    then case when valid.unit = 'usd' then usage_days.usd else usage_days.credits end
            end
        ), 0) as decimal(38, 12)) as used,
        cast(coalesce(sum(
            case
                when
                    usage_days.billing_date < valid.as_of_date
                    and usage_days.billing_date >= valid.as_of_date - valid.complete_days
                    then case when valid.unit = 'usd' then usage_days.usd else usage_days.credits end
            end
        ), 0) as decimal(38, 12)) as used_on_complete_days,
        cast(coalesce(sum(
            case when usage_days.billing_date >= valid.billing_month then usage_days.unpriced_requests end
        ), 0) as bigint) as unpriced_requests
    from valid
    left join usage_days
        on valid.scope = usage_days.scope
        and valid.subject = usage_days.subject
        and (valid.source = usage_days.source or valid.source is null)
        and usage_days.billing_date <= valid.as_of_date
    group by all
),

forecast as (
    select
        *,
        case
            when days_to_come = 0 then used
            else cast(used + {{ prorated('used_on_complete_days', 'days_to_come', 'complete_days') }} as decimal(38, 12))
        end as forecast
    from spent
),

judged as (
    select
        kind,
        allowance_id,
        source,
        scope,
        subject,
        billing_month,
        is_current_month,
        as_of_date,
        unit,
        allowance,
        used,
        {{ usd_ratio('used', 'allowance') }} as used_share,
        unpriced_requests,
        cast(complete_days as bigint) as complete_days,
        cast(days_to_come as bigint) as days_to_come,
        forecast,
        {{ usd_ratio('forecast', 'allowance') }} as forecast_share,
        case when used > allowance then 'over' when forecast > allowance then 'at_risk' else 'ok' end as status
    from forecast
)

select * from judged
