with requests as (
    select * from {{ raw_events('infery_requests') }}
),

calls as (
    select
        ---------- ids
        source,
        request_id,
        workspace_id,
        api_key_id,
        member_id,
        case
            when lower(origin) in ('api', 'playground') then lower(origin)
            when origin is null and member_id is not null then 'playground'
            when origin is null then 'api'
            else 'internal'
        end as origin,

        ---------- call
        occurred_at,
        cast(date_diff('millisecond', gateway_in, gateway_out) as bigint) as duration_ms,
        cast(
            date_diff('millisecond', gateway_in, gateway_out) - date_diff('millisecond', provider_in, provider_out) as bigint
        ) as gateway_overhead_ms,
        -- It says that a fallback fired, not how many.
        cast(case when not fallback then 0 end as bigint) as fallback_depth,

        ---------- model
        model_requested,
        coalesce(model_used, model_requested) as model_served,

        ---------- tokens and money
        {{ usage_reading_columns() | join(',\n        ') }},
        'nothing' as cache_told,
        credits_used,

        ---------- lineage
        false as is_response,
        1 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from requests
)

select * from calls
