{#- Rulings: docs/decisions/copies.md#copies-5 -#}
-- The same generation may come as the API's body and in the activity page's export of it; they share the id.

with generations as (
    select * from {{ raw_events('openrouter_generations') }}
),

-- The upstream's own cost may be filled in for any call; it is paid in addition only if the key is the caller's own.
costs as (
    select
        *,
        coalesce(total_cost, usage_cost)
        + case when coalesce(is_byok, false) then coalesce(upstream_inference_cost, 0) else 0 end as full_cost
    from generations
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

        ---------- model: OpenRouter has its own slugs and its own prices
        coalesce(provider_name, '') as provider,
        model as model_requested,
        model as model_served,
        'openrouter' as price_provider,
        model as price_model,
        {{ service_tier_served(['service_tier']) }} as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: as read by the reader; cache writes are unknown
        {{ usage_reading_columns() | join(',\n        ') }},
        cast(1 as bigint) as call_units,
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
        -- The page's export has fewer fields than the API's body.
        case when is_export then 2 else 1 end as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from costs
)

select * from usage_events
