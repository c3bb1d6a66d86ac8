{{ config(
    materialized = 'daily', upstream = ['int_usage_day_windows', 'int_usage_repeated_keys'],
    margin_days = 1, keeps_content = true
) }}

-- depends_on: {{ ref('int_usage_day_windows') }}
with usage_events as (
    select * from {{ ref('int_usage_events') }}
),

repeated_keys as (
    select distinct key_hash from {{ ref('int_usage_repeated_keys') }}
),

candidates as (
    select
        usage_events.event_date,
        usage_events.source,
        usage_events.event_id,
        usage_events.delivered_on,
        usage_events.raw_file,
        usage_events.raw_line,
        md5(concat_ws(
            '|',
            usage_events.occurred_at, usage_events.status, usage_events.model_requested, usage_events.model_served,
            coalesce(usage_events.api_key_id, ''), coalesce(usage_events.workspace_id, ''),
            coalesce(usage_events.member_id, ''), usage_events.input_tokens, usage_events.cache_read_tokens,
            usage_events.cache_write_5m_tokens, usage_events.cache_write_1h_tokens, usage_events.output_tokens,
            usage_events.reasoning_tokens, coalesce(usage_events.reported_cost_usd, -1)
        )) as content_hash
    from usage_events
    inner join repeated_keys
        on hash(usage_events.event_id) = repeated_keys.key_hash
),

-- What was delivered last wins; within one delivery the later file and line.
ranked as (
    select
        *,
        count(*) over (partition by event_id) as copies,
        row_number() over (
            partition by event_id
            order by delivered_on desc, raw_file desc, raw_line desc
        ) as recency
    from candidates
),

judged as (
    select
        event_date,
        source,
        event_id,
        delivered_on,
        raw_file,
        raw_line,
        case
            when recency = 1 then 'kept'
            when content_hash = first_value(content_hash) over (
                partition by event_id
                order by recency
            ) then 'duplicate'
            else 'revision'
        end as verdict
    from ranked
    where copies > 1
)

select * from judged
