-- One row per wallet and day on which credits were used: their value, and the cost of the same usage, with and without the
-- prompt cache. Quota
-- belongs to an account and not to a workspace, so the list cost is looked up by the wallet's own kind of id.

with entries as (
    select * from {{ ref('fct_credit_entries') }}
    where caused_by = 'usage' and entry_kind in ('burn', 'overage')
),

usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

movements as (
    select * from {{ ref('int_credit_movements') }}
),

sole_wallets as (
    select * from {{ ref('int_credit_sole_wallets') }}
),

units as (
    select
        source,
        max(unit) as unit
    from movements
    group by source
),

used as (
    select
        source,
        workspace_id,
        event_date,
        max(unit) as unit,
        max(value_policy) as value_policy,
        cast(-sum(amount_micro) as bigint) as used_micro,
        cast(-sum(case when entry_kind = 'overage' then amount_micro else 0 end) as bigint) as overage_micro,
        cast(-sum(case when value_usd is null then amount_micro else 0 end) as bigint) as unvalued_micro,
        cast(-sum(value_usd) as decimal(38, 12)) as value_usd
    from entries
    group by source, workspace_id, event_date
),

listed as (
    select
        usage_daily.source,
        {{ credit_wallet("case when units.unit = 'quota' then usage_daily.member_id else usage_daily.workspace_id end") }}
            as workspace_id,
        usage_daily.event_date,
        cast(sum(usage_daily.list_cost_usd) as decimal(38, 12)) as list_cost_usd,
        cast(sum(usage_daily.cache_list_cost_usd) as decimal(38, 12)) as cache_list_cost_usd,
        cast(sum(usage_daily.unpriced_requests) as bigint) as unpriced_requests
    from usage_daily
    inner join units on usage_daily.source = units.source
    left join sole_wallets on usage_daily.source = sole_wallets.source
    group by all
),

final as (
    select
        ---------- grain
        used.source,
        used.workspace_id,
        used.event_date,

        ---------- credits
        used.unit,
        used.used_micro,
        used.overage_micro,
        used.unvalued_micro,

        ---------- money
        used.value_policy,
        used.value_usd,
        case
            when used.used_micro > used.unvalued_micro
                then cast(
                    try_cast(
                        {{ rounded_share('used.value_usd * 1000000000000', '1000000', 'used.used_micro - used.unvalued_micro') }}
                        as decimal(26, 0)
                    ) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12)
                )
        end as usd_per_unit,
        listed.list_cost_usd,
        coalesce(listed.unpriced_requests, 0) as unpriced_requests,
        case when used.unvalued_micro = 0 and coalesce(listed.unpriced_requests, 0) = 0 then used.value_usd - listed.list_cost_usd end
            as margin_usd,
        listed.cache_list_cost_usd,
        case
            when used.unvalued_micro = 0 and coalesce(listed.unpriced_requests, 0) = 0
                then used.value_usd - listed.cache_list_cost_usd
        end as cache_margin_usd
    from used
    left join listed
        on
            used.source = listed.source
            and used.workspace_id = listed.workspace_id
            and used.event_date = listed.event_date
),

rated as (
    select
        *,
        {{ usd_ratio('cache_margin_usd', 'value_usd') }} as cache_margin_share
    from final
)

select * from rated
