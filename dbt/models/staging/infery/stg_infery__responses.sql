with responses as (
    select * from {{ raw_events('infery_responses') }}
),

calls as (
    select
        ---------- ids
        source,
        request_id,
        'api' as origin,

        ---------- call: a body has the time it was begun at
        occurred_at,
        'start' as time_basis,
        is_stream,
        -- Only headers kept beside the body tell that no fallback fired.
        cast(case when nullif(fallback_from, '') is null and model_used is not null then 0 end as bigint) as fallback_depth,

        ---------- model
        coalesce(nullif(fallback_from, ''), model_used) as model_requested,
        model as model_served,
        service_tier,

        ---------- tokens and money
        {{ usage_reading_columns() | join(',\n        ') }},
        'all' as cache_told,
        credits_used,

        ---------- lineage
        true as is_response,
        5 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from responses
)

select * from calls
