{#- Rulings: docs/decisions/reports.md#reports-2 -#}
-- Members of calls of any origin, and those who only changed settings: account events name no workspace.
with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

account_events as (
    select * from {{ ref('fct_account_events') }}
),

seen as (
    select
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        coalesce(member_id, 'unattributed') as member_id,
        cast(null as varchar) as member_name,
        first_seen_at,
        last_seen_at,
        requests,
        case when origin = 'playground' then requests else 0 end as playground_requests,
        0 as account_events
    from usage_daily
    union all
    select
        source,
        'unattributed' as workspace_id,
        coalesce(member_id, 'unattributed') as member_id,
        member_name,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at,
        0 as requests,
        0 as playground_requests,
        1 as account_events
    from account_events
),

members as (
    select
        source,
        workspace_id,
        member_id,
        {{ latest_spelling('member_name', 'last_seen_at') }} as member_name,
        cast(min(first_seen_at) as date) as first_seen_date,
        cast(max(last_seen_at) as date) as last_seen_date,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        cast(sum(requests) as bigint) as requests,
        cast(sum(playground_requests) as bigint) as playground_requests,
        cast(sum(account_events) as bigint) as account_events
    from seen
    group by source, workspace_id, member_id
)

select * from members
