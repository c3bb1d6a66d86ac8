with payloads as (
    select * from {{ raw_events('litellm_logs') }}
),

calls as (
    select
        id as request_id,
        status,
        coalesce(stream, false) as is_stream,
        cache_hit,
        response_cost,
        response_model,
        response_service_tier,
        requested_service_tier,
        requested_speed,
        {{ litellm_call_columns() | join(',\n        ') }},
        1 as stream_rank
    from payloads
)

select * from calls
