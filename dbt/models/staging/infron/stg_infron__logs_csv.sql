with export_rows as (
    select * from {{ raw_events('infron_logs_csv') }}
),

calls as (
    select
        ---------- ids
        source,
        request_id,

        ---------- call
        occurred_at,
        status,
        processing_ms as duration_ms,

        ---------- model
        model,

        ---------- tokens
        {{ usage_reading_columns() | join(',\n        ') }},
        'reads' as cache_told,
        false as tells_groups,

        ---------- money
        cache_optimized_price as charged_cost_usd,
        list_price as reported_list_cost_usd,
        discounted_price as reported_discounted_cost_usd,

        ---------- lineage
        false as is_response,
        2 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from export_rows
)

select * from calls
