{#- Rulings: docs/decisions/credits.md#credits-2, docs/decisions/days.md#days-5 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs', 'int_credit_stretch_days']) }}

-- depends_on: {{ ref('int_credit_stretch_days') }}
-- One row per wallet and stretch of a day, cut at the midnight of the billing zone too: credits used by calls and
-- returned by refunds.
with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
    where credits_used is not null or quota_used is not null
),

stretches as (
    select * from {{ ref('int_credit_stretches') }}
),

billing_days as (
    select * from {{ ref('int_billing_days') }}
),

-- Calls paid by a plan use no credits of the wallet: the gateway charged 0.
amounts as (
    select
        source,
        event_date,
        occurred_at,
        case when credits_used is not null then 'credit' else 'quota' end as unit,
        coalesce(case when credits_used is not null then workspace_id else member_id end, '') as wallet_key,
        coalesce(credits_used, quota_used) as amount,
        {{ counted_requests() }} as requests,
        coalesce(credits_used is null and reported_cost_usd = 0, false) as is_paid_by_plan
    from usage_costs
),

placed as (
    select
        amounts.*,
        greatest(
            coalesce(stretches.starts_at, cast(amounts.event_date as timestamp)),
            case when amounts.occurred_at >= billing_days.next_billing_date_at then billing_days.next_billing_date_at end
        ) as starts_at
    from amounts
    left join stretches
        on
            amounts.source = stretches.source
            and amounts.wallet_key = stretches.wallet_key
            and amounts.event_date = stretches.event_date
            and amounts.occurred_at >= stretches.starts_at
            and amounts.occurred_at < stretches.ends_at
    left join billing_days
        on amounts.source = billing_days.source and amounts.event_date = billing_days.event_date
),

summed as (
    select
        event_date,
        source,
        unit,
        wallet_key,
        starts_at,
        cast(sum(requests) as bigint) as requests,
        cast(sum(case when amount > 0 and not is_paid_by_plan then amount else 0 end) as decimal(38, 0)) as used,
        cast(sum(case when amount < 0 and not is_paid_by_plan then -amount else 0 end) as decimal(38, 0)) as returned,
        cast(sum(case when amount > 0 and is_paid_by_plan then amount else 0 end) as decimal(38, 0)) as used_by_plan
    from placed
    group by event_date, source, unit, wallet_key, starts_at
)

select * from summed
