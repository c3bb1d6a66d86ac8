with usage_by_member as (
    select * from {{ ref('rpt_usage_by_member_daily') }}
),

members as (
    select
        source,
        workspace_id,
        member_id,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        cast(sum(requests) as bigint) as requests
    from usage_by_member
    group by source, workspace_id, member_id
)

select * from members
