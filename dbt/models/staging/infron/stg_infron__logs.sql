with logs as (
    select * from {{ raw_events('infron_logs') }}
),

calls as (
    select
        ---------- ids
        source,
        request_id,
        api_key_id,
        api_key_name,
        workspace_id,
        member_id,
        group_name,
        case when member_id is null then 'api' else 'playground' end as origin,

        ---------- call
        occurred_at,
        status,
        http_status,
        error as error_code,
        stream as is_stream,
        processing_ms as duration_ms,

        ---------- model
        model,
        service_tier,

        ---------- tokens
        {{ usage_reading_columns() | join(',\n        ') }},
        'all' as cache_told,
        true as tells_groups,

        ---------- money
        is_byok,
        usage_cost as charged_cost_usd,
        cost_byok as byok_cost_usd,
        list_price as reported_list_cost_usd,
        discounted_price as reported_discounted_cost_usd,
        cast(discount_rate as decimal(9, 6)) as stated_discount_factor,

        ---------- lineage
        false as is_response,
        1 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from logs
)

select * from calls
