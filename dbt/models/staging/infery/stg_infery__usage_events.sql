{#- Rulings: docs/decisions/structure.md#structure-4 -#}
-- One call may come five ways: the drill-down knows the most, then the export, the usage API, and what a caller kept of
-- the response: its headers, or its body or stream. All carry the request id; what one of them lacks is null here.

with settings as (
    {{ source_settings(['usd_per_credit', 'time_basis']) }}
),

calls as (
    select * from {{ ref('stg_infery__requests') }}
    union all by name
    select * from {{ ref('stg_infery__usage') }}
    union all by name
    select * from {{ ref('stg_infery__usage_api') }}
    union all by name
    select * from {{ ref('stg_infery__headers') }}
    union all by name
    select * from {{ ref('stg_infery__responses') }}
),

-- A slug may name the provider before the first slash.
slugs as (
    select
        *,
        case when model_served like '%/%' then split_part(model_served, '/', 1) else '' end as slug_provider,
        case
            when model_served like '%/%' then substring(model_served, strpos(model_served, '/') + 1)
            else coalesce(model_served, '')
        end as slug_model
    from calls
),

valued as (
    select
        slugs.* exclude (time_basis),
        settings.usd_per_credit,
        coalesce(slugs.time_basis, settings.time_basis, 'end') as time_basis
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
        is_stream,
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
        {{ service_tier_served(['service_tier']) }} as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: as the reader read them; only what was captured knows the cache's share
        {{ usage_reading_columns() | join(',\n        ') }},
        cast(1 as bigint) as call_units,
        cache_told,
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
        is_response,
        stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from valued
)

select * from usage_events
