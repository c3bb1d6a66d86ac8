with responses as (
    select * from {{ raw_events('infron_responses') }}
),

calls as (
    select
        ---------- ids
        source,
        id as request_id,

        ---------- call
        occurred_at,
        'success' as status,
        is_stream,

        ---------- model
        model,
        service_tier,

        ---------- tokens
        {{ usage_reading_columns() | join(',\n        ') }},
        'all' as cache_told,
        false as tells_groups,

        ---------- money
        is_byok,
        usage_cost as charged_cost_usd,
        cost_byok as byok_cost_usd,
        cast(discount_rate as decimal(9, 6)) as stated_discount_factor,

        ---------- lineage
        true as is_response,
        3 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from responses
)

select * from calls
