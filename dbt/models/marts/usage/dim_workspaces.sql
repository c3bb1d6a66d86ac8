with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

plans as (
    select
        source,
        workspace_id,
        max_by(plan_name, valid_from_at) as plan_name
    from {{ ref('stg_infery__plans') }}
    where workspace_id is not null
    group by source, workspace_id
),

used as (
    select
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        count(distinct api_key_id) as api_keys,
        count(distinct member_id) as members,
        count(distinct group_name) as groups,
        cast(sum(requests) as bigint) as requests
    from usage_daily
    group by source, coalesce(workspace_id, 'unattributed')
),

workspaces as (
    select
        coalesce(used.source, plans.source) as source,
        coalesce(used.workspace_id, plans.workspace_id) as workspace_id,
        plans.plan_name,
        used.first_seen_date,
        used.last_seen_date,
        used.first_seen_at,
        used.last_seen_at,
        coalesce(used.api_keys, 0) as api_keys,
        coalesce(used.members, 0) as members,
        coalesce(used.groups, 0) as groups,
        coalesce(used.requests, 0) as requests
    from used
    full outer join plans on used.source = plans.source and used.workspace_id = plans.workspace_id
)

select * from workspaces
