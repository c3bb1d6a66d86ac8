with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

groups as (
    select
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        coalesce(group_name, 'unattributed') as group_name,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        count(distinct api_key_id) as api_keys,
        cast(sum(requests) as bigint) as requests
    from usage_daily
    group by source, coalesce(workspace_id, 'unattributed'), coalesce(group_name, 'unattributed')
)

select * from groups
