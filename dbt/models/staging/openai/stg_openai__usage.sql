{{ config(materialized = 'table') }}

-- One row per kind of call, bucket and group, as last delivered. The classes of input and output are disjoint here: at
-- the source cached and written tokens are part of the input, and text, audio and image split both a second time.

with results as (
    select * from {{ raw_table('openai_usage') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, result_kind, start_time, end_time, coalesce(project_id, ''), coalesce(user_id, ''),
            coalesce(api_key_id, ''), coalesce(model, ''), coalesce(cast(batch as varchar), ''), coalesce(service_tier, ''),
            coalesce(image_size, ''), coalesce(image_source, ''), coalesce(vector_store_id, ''), coalesce(context_level, '')
        ) as bucket
    from results
),

renamed as (
    select
        ---------- ids
        md5(bucket) as bucket_id,
        source,
        split_part(result_kind, '.', 3) as usage_kind,
        project_id,
        user_id,
        api_key_id,
        model as model_served,
        batch as is_batch,
        service_tier,
        image_size,
        image_source,
        vector_store_id,
        context_level,

        ---------- bucket, end exclusive
        start_time as period_start_at,
        end_time as period_end_at,

        ---------- tokens
        input_tokens,
        coalesce(
            input_uncached_tokens,
            input_tokens - coalesce(input_cached_tokens, 0) - coalesce(input_cache_write_tokens, 0)
        ) as uncached_input_tokens,
        input_cached_tokens as cache_read_tokens,
        input_cache_write_tokens as cache_write_tokens,
        input_cache_write_30m_tokens as cache_write_30m_tokens,
        input_cache_write_12h_tokens as cache_write_12h_tokens,
        output_tokens,
        input_audio_tokens,
        input_image_tokens,
        output_audio_tokens,
        output_image_tokens,

        ---------- other units
        coalesce(num_model_requests, num_requests) as request_count,
        num_requests as tool_call_count,
        images as image_count,
        seconds as audio_seconds,
        characters as character_count,
        num_sessions as session_count,
        usage_bytes as stored_bytes,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['num_model_requests', 'num_requests', 'input_tokens', 'output_tokens']) }}
)

select * from renamed
