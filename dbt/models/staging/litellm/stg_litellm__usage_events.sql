{#- Rulings: docs/decisions/gateway-prices.md#gateway-prices-5, docs/decisions/pricing.md#pricing-8, docs/decisions/usage.md#usage-4, docs/decisions/structure.md#structure-4 -#}
-- The same call may come as a callback's payload and as a row of the proxy's database, from a dump or over its API.

with calls as (
    select * from {{ ref('stg_litellm__logs') }}
    union all by name
    select * from {{ ref('stg_litellm__spend_logs') }}
    union all by name
    select * from {{ ref('stg_litellm__spend_logs_api') }}
),

kinds as (
    select
        *,
        {{ litellm_call_type('call_type') }} as call_kind,
        input_tokens + output_tokens > 0 as counts_tokens
    from calls
),

-- LiteLLM gives a hit in its own cache the id of the first answer and the clock of whoever writes the row, so payload and
-- row of one hit differ there; the call they belong to is the same. A line about an object has the object's id: the
-- tokens of a batch are one line, however often it is looked at, and each look without any is a call of its own.
identified as (
    select
        *,
        case
            when coalesce(cache_hit, false)
                then concat(
                    regexp_replace(request_id, '_cache_hit[0-9.]*$', ''), '_cache_hit:',
                    coalesce(nullif(litellm_call_id, ''), strftime(started_at, '%Y-%m-%dT%H:%M:%S.%g'))
                )
            when call_kind = 'batch' and counts_tokens then concat(regexp_replace(request_id, '_batch_cost$', ''), '_batch_cost')
            when call_kind in ('{{ object_call_types() | join("', '") }}') and litellm_call_id != ''
                then concat(regexp_replace(request_id, '_(batch|video)_cost$', ''), ':', litellm_call_id)
            else request_id
        end as call_key
    from kinds
),

-- The deployment's model carries its provider as a prefix for some providers and not for others.
models as (
    select
        *,
        coalesce(custom_llm_provider, '') as llm_provider,
        case
            when starts_with(model, concat(custom_llm_provider, '/'))
                then substring(model, length(custom_llm_provider) + 2)
            else coalesce(model, '')
        end as deployment_model,
        -- A spend row is never null. 0 is a price where a deployment states it under a name of its own; else LiteLLM knew
        -- none: it put 0 where its map has no entry, or an entry of zeros under the model's name.
        coalesce(response_cost, 0) = 0
        and (counts_tokens or call_kind not in ('{{ managing_call_types() | join("', '") }}'))
        and status = 'success'
        and not coalesce(cache_hit, false)
        and coalesce(breakdown_total_cost, 0) = 0
        and coalesce(map_input_cost_per_token, 0) = 0
        and coalesce(map_output_cost_per_token, 0) = 0
        and (
            map_entry_key is null
            or map_entry_key in (model, concat(custom_llm_provider, '/', model))
            or concat(custom_llm_provider, '/', map_entry_key) = model
        ) as is_gateway_unpriced,
        -- A tool, a container or a search is charged by the call: what LiteLLM's configuration says it costs.
        response_cost > 0
        and not counts_tokens
        and call_kind in ('search', '{{ managing_call_types() | join("', '") }}') as is_priced_per_call
    from identified
),

usage_events as (
    select
        ---------- ids: litellm_call_id and trace_id are shared by a failure and its fallback, id is not
        source,
        request_id,
        concat(source, ':', call_key) as event_id,
        litellm_call_id as upstream_request_id,
        nullif(org_id, '') as workspace_id,
        api_key_hash as api_key_id,
        api_key_alias as api_key_name,
        coalesce(nullif(end_user, ''), user_id) as member_id,
        'api' as origin,
        nullif(team_id, '') as group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        'start' as time_basis,

        ---------- call
        'llm_call' as event_type,
        call_kind as call_type,
        request_route as request_path,
        status,
        cast(case when regexp_matches(error_code, '^[1-5][0-9][0-9]$') then error_code end as bigint) as http_status,
        coalesce(nullif(error_class, ''), nullif(error_code, '')) as error_code,
        is_stream,
        cast(date_diff('millisecond', started_at, ended_at) as bigint) as duration_ms,
        cast(
            case when is_stream and first_token_at between started_at and ended_at
                    then date_diff('millisecond', started_at, first_token_at)
            end as bigint
        ) as ttft_ms,
        cast(null as bigint) as gateway_overhead_ms,
        coalesce(attempted_fallbacks, 0) as fallback_depth,

        ---------- model
        llm_provider as provider,
        coalesce(nullif(model_group, ''), model) as model_requested,
        -- The router writes the caller's alias over the name the provider answered with.
        case when response_model != model_group and response_model != '' then response_model else model end as model_served,
        llm_provider as price_provider,
        deployment_model as price_model,
        -- A batch's own line is at the batch's prices, whatever else it says.
        case
            when call_kind = 'batch' then 'batch'
            else {{ service_tier_served(
                [
                    'response_service_tier', 'usage_service_tier', 'usage_gemini_tier', 'usage_traffic_type',
                    'breakdown_service_tier', 'requested_service_tier',
                ],
                ['usage_speed'],
            ) }}
        end as service_tier,
        coalesce(case when lower(requested_speed) = 'fast' then 'fast' end, {{ service_tier_name('requested_service_tier') }})
            as service_tier_requested,

        ---------- tokens: as the reader read them
        {{ usage_reading_columns() | join(',\n        ') }},
        cast(1 as bigint) as call_units,
        'all' as cache_told,
        true as tells_groups,

        ---------- money: response_cost is what was charged; the breakdown of a cache hit still shows the full price
        case
            when coalesce(cache_hit, false) then 'free'
            when is_priced_per_call then 'per_call'
            else 'token'
        end as billing_mode,
        cast(null as decimal(9, 6)) as stated_discount_factor,
        {{ absent('ratios', except = ['fixed_price_usd']) }},
        cast(case when is_priced_per_call then response_cost end as decimal(18, 12)) as fixed_price_usd,
        unknown_fields,
        case when not is_gateway_unpriced then response_cost end as reported_cost_usd,
        {{ absent('reported_tiers') }},
        map_input_cost_per_token as stated_input_usd_per_token,
        map_output_cost_per_token as stated_output_usd_per_token,
        is_gateway_unpriced,
        coalesce(cache_hit, false) as is_gateway_cache_hit,
        {{ absent('credits') }},
        {{ absent('quota') }},
        'wallet' as billing_source,
        {{ absent('funding', except = ['billing_source']) }},

        ---------- lineage
        false as is_response,
        stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from models
)

select * from usage_events
