-- The same generation may come as the API's body and in the activity page's export of it; they share the id.

with generations as (
    select * from {{ raw_events('openrouter_generations') }}
),

-- tokens_prompt and tokens_completion are counted by one tokenizer for all models; the native ones are what is billed.
counts as (
    select
        *,
        coalesce(native_tokens_prompt, tokens_prompt) as billed_prompt_tokens,
        coalesce(native_tokens_completion, tokens_completion) as billed_completion_tokens,
        coalesce(native_tokens_cached, 0) as cached_tokens_told,
        coalesce(native_tokens_reasoning, 0) as reasoning_tokens_told,
        coalesce(native_tokens_completion_images, 0) as image_tokens_told,
        -- The upstream's own cost may be filled in for any call; it is paid besides only where the key is the caller's own.
        coalesce(total_cost, usage_cost)
        + case when coalesce(is_byok, false) then coalesce(upstream_inference_cost, 0) else 0 end as full_cost
    from generations
),

wholes as (
    select
        *,
        coalesce(billed_prompt_tokens, 0) as all_input_tokens,
        coalesce(billed_completion_tokens, 0) as all_output_tokens
    from counts
),

-- A part that exceeds its whole is cut: what is billed is the whole.
tokens as (
    select
        *,
        least(cached_tokens_told, all_input_tokens) as read_tokens,
        least(reasoning_tokens_told, all_output_tokens) as reasoning_out_tokens,
        least(image_tokens_told, greatest(all_output_tokens - reasoning_tokens_told, 0)) as image_out_tokens,
        cached_tokens_told > all_input_tokens
        or reasoning_tokens_told + image_tokens_told > all_output_tokens as is_contradictory
    from wholes
),

usage_events as (
    select
        ---------- ids
        source,
        id as request_id,
        concat(source, ':', id) as event_id,
        upstream_id as upstream_request_id,
        workspace_id,
        cast(null as varchar) as api_key_id,
        api_key_name,
        external_user as member_id,
        'api' as origin,
        cast(null as varchar) as group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        'start' as time_basis,

        ---------- call
        'llm_call' as event_type,
        case
            when api_type like '%embedding%' then 'embeddings'
            when api_type like '%image%' then 'image'
            when api_type like '%rerank%' then 'rerank'
            when api_type in ('tts', 'stt') or api_type like '%audio%' then 'audio'
            else 'chat'
        end as call_type,
        cast(null as varchar) as request_path,
        case
            when cancelled then 'cancelled'
            when finish_reason = 'error' then 'failure'
            else 'success'
        end as status,
        cast(null as bigint) as http_status,
        case when finish_reason = 'error' then coalesce(native_finish_reason, finish_reason) end as error_code,
        streamed as is_stream,
        -- Depending on the call, latency covers the whole of it or only the way to the first token.
        cast(round(greatest(latency_ms, generation_time_ms), 0) as bigint) as duration_ms,
        cast(round(time_to_first_token_ms, 0) as bigint) as ttft_ms,
        cast(
            case when latency_ms >= generation_time_ms then round(latency_ms - generation_time_ms, 0) end as bigint
        ) as gateway_overhead_ms,
        cast(null as bigint) as fallback_depth,

        ---------- model: OpenRouter sells under its own slugs, at its own prices
        coalesce(provider_name, '') as provider,
        model as model_requested,
        model as model_served,
        'openrouter' as price_provider,
        model as price_model,
        {{ service_tier_served(['service_tier']) }} as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: prompt includes cache reads, completion includes reasoning and images; writes are not told
        all_input_tokens - read_tokens as uncached_input_tokens,
        read_tokens as cache_read_tokens,
        cast(0 as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        {{ absent('media_tokens', except = ['output_image_tokens']) }},
        all_output_tokens - reasoning_out_tokens - image_out_tokens as output_text_tokens,
        image_out_tokens as output_image_tokens,
        reasoning_out_tokens as reasoning_tokens,
        all_input_tokens as input_tokens,
        all_output_tokens as output_tokens,
        cast(null as bigint) as reported_total_tokens,
        {{ absent('searches') }},
        cast(1 as bigint) as call_units,
        case
            when is_contradictory then 'contradictory'
            when native_tokens_prompt is not null or native_tokens_completion is not null then 'reported'
            when billed_prompt_tokens is not null or billed_completion_tokens is not null then 'estimated'
            else 'missing'
        end as usage_source,
        'reads' as cache_told,
        false as tells_groups,

        ---------- money
        case when coalesce(is_byok, false) then 'byok' else 'token' end as billing_mode,
        cast(null as decimal(9, 6)) as stated_discount_factor,
        {{ absent('ratios') }},
        {{ absent('unknown') }},
        cast(full_cost as decimal(18, 12)) as reported_cost_usd,
        cast(null as decimal(18, 12)) as reported_list_cost_usd,
        -- cache_discount is what the cache saved; negative where writing to it cost more than it saved.
        cast(full_cost + cache_discount as decimal(18, 12)) as reported_discounted_cost_usd,
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        {{ absent('credits') }},
        {{ absent('quota') }},
        'wallet' as billing_source,
        case when coalesce(is_byok, false) then cast(coalesce(total_cost, usage_cost) as decimal(18, 12)) end as wallet_cost_usd,
        case when coalesce(is_byok, false) then cast(upstream_inference_cost as decimal(18, 12)) end as upstream_cost_usd,
        {{ absent('funding', except = ['billing_source', 'wallet_cost_usd', 'upstream_cost_usd']) }},

        ---------- lineage
        false as is_response,
        -- The page's export says less than the API's own body.
        case when is_export then 2 else 1 end as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from tokens
)

select * from usage_events
