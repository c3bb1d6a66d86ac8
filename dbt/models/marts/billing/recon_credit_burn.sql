-- One row per wallet and day with usage: usage in the logs, usage posted in the ledger, and the gateway's own sums.

with usage as (
    select * from {{ ref('int_credit_usage') }}
),

entries as (
    select * from {{ ref('fct_credit_entries') }}
    where caused_by = 'usage' or (caused_by = 'refund' and entry_kind = 'adjust')
),

usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

buckets as (
    select * from {{ ref('stg_infery__usage_api_grouped') }}
),

hours as (
    select * from {{ ref('stg_new_api__usage_hours') }}
),

sole_wallets as (
    select * from {{ ref('int_credit_sole_wallets') }}
),

logged as (
    select
        usage.source,
        {{ credit_wallet('usage.wallet_key') }} as workspace_id,
        usage.event_date,
        usage.unit,
        cast(sum(usage.requests) as bigint) as requests,
        sum(usage.used - usage.returned) as logged,
        sum(usage.used + usage.used_by_plan - case when usage.unit = 'quota' then 0 else usage.returned end) as comparable
    from usage
    left join sole_wallets on usage.source = sole_wallets.source
    group by
        usage.source, {{ credit_wallet('usage.wallet_key') }}, usage.event_date,
        usage.unit
),

posted as (
    select
        source,
        workspace_id,
        event_date,
        cast(-sum(case when entry_kind = 'burn' then amount_micro else 0 end) as bigint) as burned_micro,
        cast(-sum(case when entry_kind = 'overage' then amount_micro else 0 end) as bigint) as overage_micro,
        cast(sum(case when entry_kind = 'adjust' then amount_micro else 0 end) as bigint)
            as returned_micro
    from entries
    group by source, workspace_id, event_date
),

-- A key belongs to one workspace; the sum of a key seen in two cannot be assigned.
key_owners as (
    select
        source,
        api_key_id,
        min(workspace_id) as workspace_id
    from usage_daily
    where api_key_id is not null and workspace_id is not null
    group by source, api_key_id
    having min(workspace_id) = max(workspace_id)
),

reported_by_key as (
    select
        buckets.source,
        {{ credit_wallet('key_owners.workspace_id') }} as workspace_id,
        cast(buckets.period_start_at as date) as event_date,
        buckets.credits_used as reported
    from buckets
    left join key_owners on buckets.source = key_owners.source and buckets.api_key_id = key_owners.api_key_id
    left join sole_wallets on buckets.source = sole_wallets.source
    where
        buckets.grouping_name = 'key'
        and buckets.period_start_at = cast(cast(buckets.period_start_at as date) as timestamp)
        and buckets.period_end_at > buckets.period_start_at + interval 86398 second
        and buckets.period_end_at <= buckets.period_start_at + interval 1 day
),

reported_by_hour as (
    select
        hours.source,
        {{ credit_wallet('hours.member_id') }} as workspace_id,
        hours.event_date,
        hours.quota_used as reported
    from hours
    left join sole_wallets on hours.source = sole_wallets.source
),

reported_rows as (
    select * from reported_by_key
    union all
    select * from reported_by_hour
),

reported as (
    select
        source,
        workspace_id,
        event_date,
        cast(sum(reported) as decimal(38, 0)) as reported
    from reported_rows
    group by source, workspace_id, event_date
),

joined as (
    select
        coalesce(logged.source, reported.source) as source,
        coalesce(logged.workspace_id, reported.workspace_id) as workspace_id,
        coalesce(logged.event_date, reported.event_date) as event_date,
        logged.unit,
        coalesce(logged.requests, 0) as requests,
        coalesce(logged.logged, 0) as logged,
        coalesce(logged.comparable, 0) as comparable,
        reported.reported
    from logged
    full join reported
        on
            logged.source = reported.source
            and logged.workspace_id = reported.workspace_id
            and logged.event_date = reported.event_date
),

compared as (
    select
        joined.*,
        coalesce(posted.burned_micro, 0) as burned_micro,
        coalesce(posted.overage_micro, 0) as overage_micro,
        coalesce(posted.returned_micro, 0) as returned_micro
    from joined
    left join posted
        on
            joined.source = posted.source
            and joined.workspace_id = posted.workspace_id
            and joined.event_date = posted.event_date
),

final as (
    select
        ---------- grain
        source,
        workspace_id,
        event_date,

        ---------- status: faults within the books come before differences to the gateway
        case
            when logged * 1000000 <> burned_micro + overage_micro - returned_micro then 'not_posted'
            when reported is null then 'not_reported'
            when reported > comparable then 'missing_in_logs'
            when reported < comparable then 'missing_in_usage_api'
            else 'matched'
        end as status,

        ---------- the three sides
        requests,
        try_cast(logged * 1000000 as bigint) as logged_micro,
        burned_micro,
        overage_micro,
        returned_micro,
        try_cast(reported * 1000000 as bigint) as reported_micro,
        try_cast((reported - comparable) * 1000000 as bigint) as difference_micro
    from compared
)

select * from final
