{{ config(materialized = 'table') }}

-- One row per bucket and group, as last delivered. Input is counted without what came from or went to the cache, so the
-- classes are disjoint as they come and their sum is the input.

with results as (
    select * from {{ raw_table('anthropic_usage') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, starting_at, ending_at, coalesce(api_key_id, ''), coalesce(workspace_id, ''), coalesce(model, ''),
            coalesce(service_tier, ''), coalesce(context_window, ''), coalesce(inference_geo, ''), coalesce(speed, ''),
            coalesce(account_id, ''), coalesce(service_account_id, '')
        ) as bucket,
        coalesce(uncached_input_tokens, 0) as uncached_tokens,
        coalesce(cache_read_input_tokens, 0) as read_tokens,
        coalesce(cache_creation_5m_tokens, 0) as written_5m_tokens,
        coalesce(cache_creation_1h_tokens, 0) as written_1h_tokens
    from results
),

renamed as (
    select
        ---------- ids: no key means the Workbench, no workspace the default one
        md5(bucket) as bucket_id,
        source,
        workspace_id,
        api_key_id,
        account_id,
        service_account_id,
        model as model_served,
        service_tier,
        context_window,
        inference_geo,
        speed,

        ---------- bucket, end exclusive
        starting_at as period_start_at,
        ending_at as period_end_at,

        ---------- tokens
        uncached_tokens as uncached_input_tokens,
        read_tokens as cache_read_tokens,
        written_5m_tokens as cache_write_5m_tokens,
        written_1h_tokens as cache_write_1h_tokens,
        uncached_tokens + read_tokens + written_5m_tokens + written_1h_tokens as input_tokens,
        output_tokens,
        web_search_requests as web_search_count,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['uncached_input_tokens', 'output_tokens']) }}
)

select * from renamed
