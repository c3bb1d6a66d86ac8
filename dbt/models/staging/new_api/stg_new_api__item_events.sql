{#- Rulings: docs/decisions/gateway-prices.md#gateway-prices-4, docs/decisions/pricing.md#pricing-10, docs/decisions/usage.md#usage-5 -#}
{%- set media = [
    ['embeddings', ['%embedding%']],
    ['rerank', ['%rerank%']],
    ['image', ['%/images/%', '%dall-e%', '%gpt-image%', '%/mj/%', 'mj_%']],
    ['audio', ['%/audio/%', '%/realtime%', '%whisper%', 'tts-%', '%-tts%']],
] -%}
{%- set conversations = [
    ['chat', ['%/completions%', '%/messages%', '%/responses%', '%:generatecontent%', '%:streamgeneratecontent%']],
] -%}
{%- set api_families = [
    ['twitter', ['%twitter%']],
    ['youtube', ['%youtube%']],
    ['scholar', ['%scholar%']],
    ['financial', ['%financ%']],
    ['search', ['%search%']],
] -%}
{#- The call type follows from the route, or else from the model's name. -#}
{%- set call_types = [
    ['route', managing_routes() + media + conversations + api_families],
    ['model_text', media],
    ['api_text', api_families],
] -%}

with log_items as (
    select * from {{ ref('stg_new_api__log_items') }}
    where log_kind in ('consume', 'error', 'test', 'refund')
),

items as (
    select
        *,
        log_kind = 'refund' as is_refund,
        -- A task's price is corrected when it is done, and a request refused for what it asked may cost a fee: rows of
        -- their own, an amount that no model was called for.
        log_kind = 'consume' and (
            quota < 0
            or (
                (
                    pre_consumed_quota is not null and actual_quota is not null
                    or fee_quota is not null
                    or coalesce(violation_fee_code, '') != ''
                    or coalesce(lower(violation_fee) = 'true', false)
                )
                and coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) = 0
            )
        ) as is_adjustment,
        case
            when claude or lower(usage_semantic) = 'anthropic' then true
            when claude is not null or usage_semantic != '' then false
        end as is_said_exclusive,
        case
            when tier_mode = 'tiered_expr' then 'tiered_expr'
            when model_price >= 0 then 'per_call'
            else 'ratio'
        end as mode,
        case when is_model_mapped and upstream_model_name != '' then upstream_model_name else model_name end as served_model,
        lower(coalesce(request_path, '')) as route,
        lower(coalesce(model_name, '')) as model_text,
        case when model_price >= 0 then lower(model_name) else '' end as api_text,
        case
            when billing_source like 'subscription%' then coalesce(wallet_usd, cast(0 as decimal(18, 12)))
            else quota_usd
        end as wallet_cost_usd,
        -- A stream that breaks off is charged like any other. One that reached its end with some unreadable chunk on the
        -- way is an error to the gateway, but not to the caller.
        case
            when log_kind = 'error' then 'failure'
            when stream_end_reason in ('done', 'eof', 'handler_stop') then 'success'
            when stream_end_reason = 'client_gone' then 'cancelled'
            when stream_end_reason like '%timeout' then 'timeout'
            when stream_outcome in ('error', 'canceled') then 'failure'
            else 'success'
        end as call_status,
        coalesce(elapsed_time, use_time * 1000) as whole_ms
    from log_items
),

-- Refunds and corrections are amounts only; the tokens are on the call's own row.
counted as (
    select
        *,
        case when is_refund or is_adjustment then 0 else 1 end as carries_tokens,
        coalesce(cache_creation_tokens_5m, 0) + coalesce(cache_creation_tokens_1h, 0) as split_writes,
        {{ tool_surcharge_picousd() }} as surcharge_picousd,
        {{ task_multiplier() }} as price_multiplier
    from items
),

tokens as (
    select
        *,
        carries_tokens * coalesce(prompt_tokens, 0) as all_prompt_tokens,
        carries_tokens * coalesce(completion_tokens, 0) as all_completion_tokens,
        carries_tokens * coalesce(cache_tokens, 0) as read_tokens,
        -- The total, its two parts, and a newer name of the total: one quantity, whichever are there.
        carries_tokens
        * greatest(coalesce(cache_creation_tokens, 0), coalesce(cache_write_tokens, 0), split_writes) as write_tokens,
        carries_tokens * coalesce(cache_creation_tokens_1h, 0) as write_1h_tokens,
        carries_tokens * split_writes as split_write_tokens,
        carries_tokens * coalesce(audio_input, audio_input_token_count, 0) as audio_in_tokens,
        carries_tokens * coalesce(audio_output, 0) as audio_out_tokens,
        -- Named image_output by the gateway, but counted from the prompt.
        carries_tokens * coalesce(image_tokens, 0) as image_in_tokens
    from counted
),

-- The prompt includes the cache by OpenAI's count and excludes it by Anthropic's. Where the row does not say whose it is, a
-- prompt smaller than what was read from the cache cannot hold it.
counted_by as (
    select
        *,
        coalesce(is_said_exclusive, default_semantic = 'anthropic' or read_tokens > all_prompt_tokens) as is_exclusive
    from tokens
),

-- What the prompt cannot hold is not in it.
cache as (
    select
        *,
        case when is_exclusive then read_tokens else least(read_tokens, all_prompt_tokens) end as all_read_tokens,
        case
            when is_exclusive then write_tokens
            else least(write_tokens, all_prompt_tokens - least(read_tokens, all_prompt_tokens))
        end as all_write_tokens
    from counted_by
),

plain as (
    select
        *,
        case when is_exclusive then all_prompt_tokens else all_prompt_tokens - all_read_tokens - all_write_tokens end
            as plain_tokens
    from cache
),

-- Image and audio tokens include cached ones; what exceeds the uncached prompt was cached, images first.
pictures as (
    select
        *,
        least(
            greatest(carries_tokens * coalesce(image_cache_tokens, 0), image_in_tokens + audio_in_tokens - plain_tokens, 0),
            image_in_tokens, all_read_tokens
        ) as cached_image_tokens
    from plain
),

sounds as (
    select
        *,
        least(image_in_tokens - cached_image_tokens, plain_tokens) as plain_image_tokens
    from pictures
),

parts as (
    select
        *,
        least(
            greatest(plain_image_tokens + audio_in_tokens - plain_tokens, 0), audio_in_tokens,
            all_read_tokens - cached_image_tokens
        ) as cached_audio_tokens
    from sounds
),

disjoint as (
    select
        *,
        least(audio_in_tokens - cached_audio_tokens, plain_tokens - plain_image_tokens) as plain_audio_tokens,
        least(write_1h_tokens, all_write_tokens) as all_write_1h_tokens,
        least(audio_out_tokens, all_completion_tokens) as all_audio_out_tokens,
        plain_tokens + all_read_tokens + all_write_tokens as input_tokens,
        all_read_tokens + all_write_tokens < read_tokens + write_tokens
        or write_1h_tokens > all_write_tokens
        or plain_image_tokens + cached_image_tokens < image_in_tokens
        or least(audio_in_tokens - cached_audio_tokens, plain_tokens - plain_image_tokens) + cached_audio_tokens
        < audio_in_tokens
        or audio_out_tokens > all_completion_tokens as is_contradictory
    from parts
),

usage_events as (
    select
        ---------- ids: a refund and an error share the call's request id, an old build has none
        source,
        client_request_id as request_id,
        event_id,
        nullif(upstream_request_id, '') as upstream_request_id,
        cast(null as varchar) as workspace_id,
        coalesce(cast(nullif(token_id, 0) as varchar), nullif(token_name, '')) as api_key_id,
        nullif(token_name, '') as api_key_name,
        cast(user_id as varchar) as member_id,
        case when starts_with(route, '/pg/') then 'playground' else 'api' end as origin,
        nullif(group_name, '') as group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        time_basis,

        ---------- call
        case
            when is_refund then 'refund'
            when is_adjustment then 'adjustment'
            when log_kind != 'consume' then log_kind
            when mode = 'per_call' then 'per_call_api'
            else 'llm_call'
        end as event_type,
        case
            {%- for subject, families in call_types %}
            {%- for name, patterns in families %}
            when {% for pattern in patterns %}{{ subject }} like '{{ pattern }}'{{ ' or ' if not loop.last }}{% endfor %} then '{{ name }}'
            {%- endfor %}
            {%- endfor %}
            when mode = 'per_call' then 'other'
            else 'chat'
        end as call_type,
        nullif(request_path, '') as request_path,
        call_status as status,
        status_code as http_status,
        case
            when log_kind = 'error' then coalesce(nullif(error_code, ''), nullif(error_type, ''), nullif(content, ''))
            when call_status != 'success' then stream_end_reason
            else nullif(violation_fee_code, '')
        end as error_code,
        coalesce(is_stream, false) as is_stream,
        whole_ms as duration_ms,
        -- Whole seconds are cut off: a call of 0 seconds may have had its first token after 900 milliseconds.
        case when is_stream and frt_ms < whole_ms + 1000 then frt_ms end as ttft_ms,
        cast(null as bigint) as gateway_overhead_ms,
        coalesce(fallback_depth, 0) as fallback_depth,

        ---------- model
        case when served_model like '%/%' then split_part(served_model, '/', 1) else '' end as provider,
        model_name as model_requested,
        served_model as model_served,
        case when served_model like '%/%' then split_part(served_model, '/', 1) else '' end as price_provider,
        coalesce(
            case when served_model like '%/%' then substring(served_model, strpos(served_model, '/') + 1) else served_model end, ''
        ) as price_model,
        'standard' as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens
        plain_tokens - plain_image_tokens - plain_audio_tokens as uncached_input_tokens,
        all_read_tokens - cached_image_tokens - cached_audio_tokens as cache_read_tokens,
        cached_audio_tokens as cache_read_audio_tokens,
        cached_image_tokens as cache_read_image_tokens,
        all_write_tokens - all_write_1h_tokens as cache_write_5m_tokens,
        all_write_1h_tokens as cache_write_1h_tokens,
        plain_audio_tokens as input_audio_tokens,
        plain_image_tokens as input_image_tokens,
        all_completion_tokens - all_audio_out_tokens as output_text_tokens,
        all_audio_out_tokens as output_audio_tokens,
        {{ absent('media_tokens', except = [
            'cache_read_audio_tokens', 'cache_read_image_tokens', 'input_audio_tokens', 'input_image_tokens',
            'output_audio_tokens',
        ]) }},
        cast(0 as bigint) as reasoning_tokens,
        input_tokens,
        all_completion_tokens as output_tokens,
        cast(null as bigint) as reported_total_tokens,
        {{ absent('searches') }},
        case
            when carries_tokens = 0 then 0
            when mode = 'per_call' and task_n is null then greatest(coalesce(image_count, 1), 1)
            else 1
        end as call_units,
        case
            when is_contradictory then 'contradictory'
            when coalesce(local_count_tokens, false) then 'estimated'
            when carries_tokens = 1 and mode != 'per_call'
                and all_prompt_tokens + all_completion_tokens = 0 and surcharge_picousd = 0 then 'missing'
            else 'reported'
        end as usage_source,
        cast(null as varchar) as usage_reading,
        'all' as cache_told,
        true as tells_groups,

        ---------- money: a plan's quota is not money of the wallet, a refund returns it
        mode as billing_mode,
        case when group_ratio >= 0 then try_cast(group_ratio as decimal(9, 6)) end as stated_discount_factor,
        case when mode = 'per_call' then {{ multiplied('model_price', 'decimal(18, 12)') }} end as fixed_price_usd,
        case when mode != 'per_call' then {{ multiplied('model_ratio', 'decimal(18, 9)') }} end as model_ratio,
        completion_ratio,
        cache_ratio,
        coalesce(cache_creation_ratio_5m, cache_creation_ratio) as cache_write_5m_ratio,
        -- An hour in the cache costs 1.6 times what five minutes cost, where nothing else is said.
        cast(
            coalesce(
                cache_creation_ratio_1h,
                try_cast(
                    coalesce(cache_creation_ratio_5m, cache_creation_ratio) * cast(1.6 as decimal(2, 1)) as decimal(18, 9)
                )
            ) as decimal(18, 9)
        ) as cache_write_1h_ratio,
        -- Cache writes without a lifetime have their own ratio.
        coalesce(cache_creation_ratio, cache_creation_ratio_5m) as cache_write_ratio,
        all_write_tokens - least(split_write_tokens, all_write_tokens) as cache_write_unsplit_tokens,
        image_ratio,
        audio_ratio,
        try_cast(audio_ratio * audio_completion_ratio as decimal(18, 9)) as audio_output_ratio,
        {{ multiplied('audio_input_price', 'decimal(18, 12)') }} as audio_usd_per_mtok,
        case when group_ratio >= 0 then group_ratio end as group_ratio,
        carries_tokens * surcharge_picousd as surcharge_picousd,
        case when mode = 'tiered_expr' then nullif(expr_b64, '') end as price_formula,
        quota_per_unit,
        charge_rounding,
        unknown_fields,
        case when is_refund then -wallet_cost_usd else wallet_cost_usd end as reported_cost_usd,
        {{ absent('reported_tiers') }},
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        {{ absent('credits') }},
        case when is_refund then -quota else quota end as quota_used,
        case when billing_source like 'subscription%' then 'subscription' else 'wallet' end as billing_source,
        {{ absent('funding', except = ['billing_source', 'plan_cost_usd']) }},
        case when billing_source like 'subscription%'
                then cast(
                    case when is_refund then wallet_cost_usd - quota_usd else quota_usd - wallet_cost_usd end
                    as decimal(18, 12)
                )
        end as plan_cost_usd,

        ---------- lineage
        false as is_response,
        1 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from disjoint
)

select * from usage_events
