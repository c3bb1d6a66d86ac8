with headers as (
    select * from {{ raw_events('infery_headers') }}
),

calls as (
    select
        ---------- ids
        source,
        request_id,
        'api' as origin,

        ---------- call
        occurred_at,
        cast(case when nullif(fallback_from, '') is null and model_used is not null then 0 end as bigint) as fallback_depth,

        ---------- model
        coalesce(nullif(fallback_from, ''), model_used) as model_requested,
        model_used as model_served,

        ---------- tokens and money
        {{ usage_reading_columns() | join(',\n        ') }},
        'all' as cache_told,
        credits_used,

        ---------- lineage
        true as is_response,
        4 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from headers
)

select * from calls
