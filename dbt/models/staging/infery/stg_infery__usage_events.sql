-- One call may come four ways: the drill-down knows the most, then the export, the usage API, and what a caller kept of
-- the response headers. All carry the request id; what one of them lacks stays null here.

{%- set exports = {'infery_usage': 2, 'infery_usage_api': 3} %}

with settings as (
    {{ source_settings(['usd_per_credit', 'time_basis']) }}
),

requests as (
    select
        source,
        request_id,
        occurred_at,
        workspace_id,
        api_key_id,
        member_id,
        case
            when lower(origin) in ('api', 'playground') then lower(origin)
            when origin is null and member_id is not null then 'playground'
            when origin is null then 'api'
            else 'internal'
        end as origin,
        model_requested,
        coalesce(model_used, model_requested) as model_served,
        -- It says that a fallback fired, not how many.
        cast(case when not fallback then 0 end as bigint) as fallback_depth,
        cast(date_diff('millisecond', gateway_in, gateway_out) as bigint) as duration_ms,
        cast(
            date_diff('millisecond', gateway_in, gateway_out) - date_diff('millisecond', provider_in, provider_out) as bigint
        ) as gateway_overhead_ms,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        cast(0 as bigint) as cached_tokens,
        cast(0 as bigint) as written_tokens,
        cast(0 as bigint) as written_1h_tokens,
        cast(0 as bigint) as prompt_audio_tokens,
        cast(0 as bigint) as completion_reasoning_tokens,
        cast(0 as bigint) as completion_audio_tokens,
        credits_used,
        1 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from {{ raw_events('infery_requests') }}
),

exported as (
    {% for table, rank in exports.items() -%}
        select
            source,
            request_id,
            occurred_at,
            cast(null as varchar) as workspace_id,
            nullif(api_key_id, '') as api_key_id,
            cast(null as varchar) as member_id,
            -- A call without a key was made in the Playground, by a member the export does not name.
            case when nullif(api_key_id, '') is null then 'playground' else 'api' end as origin,
            case when fallback_depth = 0 then model end as model_requested,
            model as model_served,
            fallback_depth,
            latency_ms as duration_ms,
            cast(null as bigint) as gateway_overhead_ms,
            prompt_tokens,
            completion_tokens,
            cast(null as bigint) as total_tokens,
            cast(0 as bigint) as cached_tokens,
            cast(0 as bigint) as written_tokens,
            cast(0 as bigint) as written_1h_tokens,
            cast(0 as bigint) as prompt_audio_tokens,
            cast(0 as bigint) as completion_reasoning_tokens,
            cast(0 as bigint) as completion_audio_tokens,
            credits_used,
            {{ rank }} as stream_rank,
            raw_file,
            raw_line,
            delivered_on
        from {{ raw_events(table) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

captured as (
    select
        source,
        request_id,
        occurred_at,
        cast(null as varchar) as workspace_id,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as member_id,
        'api' as origin,
        coalesce(nullif(fallback_from, ''), model_used) as model_requested,
        model_used as model_served,
        cast(case when nullif(fallback_from, '') is null then 0 end as bigint) as fallback_depth,
        cast(null as bigint) as duration_ms,
        cast(null as bigint) as gateway_overhead_ms,
        usage_prompt_tokens as prompt_tokens,
        usage_completion_tokens as completion_tokens,
        usage_total_tokens as total_tokens,
        coalesce(usage_cached_tokens, 0) as cached_tokens,
        coalesce(usage_cache_write_tokens, 0) as written_tokens,
        coalesce(usage_cache_write_1h_tokens, 0) as written_1h_tokens,
        coalesce(usage_prompt_audio_tokens, 0) as prompt_audio_tokens,
        coalesce(usage_reasoning_tokens, 0) as completion_reasoning_tokens,
        coalesce(usage_completion_audio_tokens, 0) as completion_audio_tokens,
        credits_used,
        4 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from {{ raw_events('infery_headers') }}
),

calls as (
    select * from requests
    union all
    select * from exported
    union all
    select * from captured
),

-- A slug may name the provider before the first slash.
slugs as (
    select
        *,
        coalesce(prompt_tokens, 0) as all_prompt_tokens,
        coalesce(completion_tokens, 0) as all_completion_tokens,
        case when model_served like '%/%' then split_part(model_served, '/', 1) else '' end as slug_provider,
        case
            when model_served like '%/%' then substring(model_served, strpos(model_served, '/') + 1)
            else coalesce(model_served, '')
        end as slug_model
    from calls
),

valued as (
    select
        slugs.*,
        settings.usd_per_credit,
        coalesce(settings.time_basis, 'end') as time_basis
    from slugs
    left join settings on slugs.source = settings.source
),

usage_events as (
    select
        ---------- ids
        source,
        request_id,
        concat(source, ':', request_id) as event_id,
        cast(null as varchar) as upstream_request_id,
        workspace_id,
        api_key_id,
        cast(null as varchar) as api_key_name,
        member_id,
        origin,
        cast(null as varchar) as group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        time_basis,

        ---------- call: Infery meters a request the moment it completes, so what it lists has completed
        'llm_call' as event_type,
        'chat' as call_type,
        cast(null as varchar) as request_path,
        'success' as status,
        cast(null as bigint) as http_status,
        cast(null as varchar) as error_code,
        cast(null as boolean) as is_stream,
        duration_ms,
        cast(null as bigint) as ttft_ms,
        gateway_overhead_ms,
        fallback_depth,

        ---------- model: the one that served decides the price
        slug_provider as provider,
        model_requested,
        model_served,
        slug_provider as price_provider,
        slug_model as price_model,
        'standard' as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: prompt_tokens includes the cache, whose share only the captured usage knows
        greatest(all_prompt_tokens - cached_tokens - written_tokens - prompt_audio_tokens, 0) as uncached_input_tokens,
        cached_tokens as cache_read_tokens,
        greatest(written_tokens - written_1h_tokens, 0) as cache_write_5m_tokens,
        written_1h_tokens as cache_write_1h_tokens,
        prompt_audio_tokens as input_audio_tokens,
        {{ absent('media_tokens', except = ['input_audio_tokens', 'output_audio_tokens']) }},
        greatest(
            all_completion_tokens - completion_reasoning_tokens - completion_audio_tokens, 0
        ) as output_text_tokens,
        completion_audio_tokens as output_audio_tokens,
        completion_reasoning_tokens as reasoning_tokens,
        all_prompt_tokens as input_tokens,
        all_completion_tokens as output_tokens,
        total_tokens as reported_total_tokens,
        {{ absent('searches') }},
        cast(1 as bigint) as call_units,
        case when coalesce(prompt_tokens, completion_tokens) is null then 'missing' else 'reported' end as usage_source,
        case when stream_rank = 4 then 'all' else 'nothing' end as cache_told,
        false as tells_groups,

        ---------- money: credits; what one is worth follows from the invoices unless sources.yml states it
        'credits' as billing_mode,
        cast(null as decimal(9, 6)) as stated_discount_factor,
        {{ absent('ratios') }},
        {{ absent('unknown') }},
        cast(credits_used * usd_per_credit as decimal(18, 12)) as reported_cost_usd,
        {{ absent('reported_tiers') }},
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        credits_used,
        {{ absent('quota') }},
        'wallet' as billing_source,
        {{ absent('funding', except = ['billing_source']) }},

        ---------- lineage
        stream_rank >= 4 as is_response,
        stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from valued
)

select * from usage_events
