{#- Rulings: docs/decisions/structure.md#structure-4 -#}
-- The same call may come in the log, in the page's CSV export of it, and as the response its caller captured. They share
-- the id; what one of them does not say is null here, and the others fill it in.

with calls as (
    select * from {{ ref('stg_infron__logs') }}
    union all by name
    select * from {{ ref('stg_infron__logs_csv') }}
    union all by name
    select * from {{ ref('stg_infron__responses') }}
),

-- The slug's prefix is the provider, and the same model costs differently at another one.
slugs as (
    select
        *,
        case when model like '%/%' then split_part(model, '/', 1) else '' end as slug_provider,
        case
            when model like '%/%' then substring(model, strpos(model, '/') + 1) else coalesce(model, '')
        end as slug_model
    from calls
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
        api_key_name,
        member_id,
        origin,
        group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        'start' as time_basis,

        ---------- call
        'llm_call' as event_type,
        'chat' as call_type,
        cast(null as varchar) as request_path,
        status,
        http_status,
        error_code,
        is_stream,
        duration_ms,
        cast(null as bigint) as ttft_ms,
        cast(null as bigint) as gateway_overhead_ms,
        cast(0 as bigint) as fallback_depth,

        ---------- model
        slug_provider as provider,
        model as model_requested,
        model as model_served,
        slug_provider as price_provider,
        slug_model as price_model,
        {{ service_tier_served(['service_tier']) }} as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: as the reader read them; searches of the gateway's plugin are in no catalogue
        {{ usage_reading_columns() | join(',\n        ') }},
        cast(1 as bigint) as call_units,
        cache_told,
        tells_groups,

        ---------- money
        case when coalesce(is_byok, false) then 'byok' else 'token' end as billing_mode,
        stated_discount_factor,
        {{ absent('ratios') }},
        {{ absent('unknown') }},
        -- With a key of one's own the gateway takes a fee, and the provider bills the key.
        case
            when coalesce(is_byok, false) then cast(charged_cost_usd + coalesce(byok_cost_usd, 0) as decimal(18, 12))
            else charged_cost_usd
        end as reported_cost_usd,
        reported_list_cost_usd,
        reported_discounted_cost_usd,
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        {{ absent('credits') }},
        {{ absent('quota') }},
        'wallet' as billing_source,
        case when coalesce(is_byok, false) then charged_cost_usd end as wallet_cost_usd,
        case when coalesce(is_byok, false) then byok_cost_usd end as upstream_cost_usd,
        {{ absent('funding', except = ['billing_source', 'wallet_cost_usd', 'upstream_cost_usd']) }},

        ---------- lineage
        is_response,
        stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from slugs
)

select * from usage_events
