with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

keys as (
    select
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        coalesce(api_key_id, 'unattributed') as api_key_id,
        {{ latest_spelling('api_key_name', 'last_seen_at') }} as api_key_name,
        {{ latest_spelling('group_name', 'last_seen_at') }} as group_name,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        cast(sum(requests) as bigint) as requests
    from usage_daily
    group by source, coalesce(workspace_id, 'unattributed'), coalesce(api_key_id, 'unattributed')
)

select * from keys
