with usage_by_key as (
    select * from {{ ref('rpt_usage_by_key_daily') }}
),

keys as (
    select
        source,
        workspace_id,
        api_key_id,
        max_by(api_key_name, event_date) as api_key_name,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        cast(sum(requests) as bigint) as requests
    from usage_by_key
    group by source, workspace_id, api_key_id
)

select * from keys
