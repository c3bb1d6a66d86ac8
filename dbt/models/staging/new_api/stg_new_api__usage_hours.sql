{{ config(materialized = 'table') }}

-- The gateway adds to an hour's row until its buffer is empty, so the last delivery of a row is the fullest, and of one
-- day's the fullest is the last.
with hours as (
    select * from {{ raw_table('new_api_data') }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, created_at, user_id, username, model_name, token_id, use_group, channel_id, node_name
            order by
                delivered_on desc, quota desc, token_used desc nulls last, hours.count desc nulls last, raw_file desc, raw_line desc
        ) as delivery_rank
    from hours
),

usage_hours as (
    select
        ---------- grain
        ranked.source,
        ranked.created_at as hour_at,
        cast(ranked.created_at as date) as event_date,
        cast(nullif(ranked.user_id, 0) as varchar) as member_id,
        nullif(ranked.model_name, '') as model_requested,
        cast(nullif(ranked.token_id, 0) as varchar) as api_key_id,
        nullif(ranked.use_group, '') as group_name,
        nullif(ranked.channel_id, 0) as channel_id,
        nullif(ranked.node_name, '') as node_name,

        ---------- sums
        ranked.count as requests,
        ranked.token_used as total_tokens,
        ranked.quota as quota_used,
        {{ quota_usd('ranked.quota', 'units') }} as reported_cost_usd,

        ---------- lineage
        ranked.delivered_on,
        ranked.raw_file,
        ranked.raw_line
    from ranked
    left join units
        on
            ranked.source = units.source
            and cast(ranked.created_at as date) >= units.valid_from
            and cast(ranked.created_at as date) < units.valid_to
    where ranked.delivery_rank = 1
)

select * from usage_hours
