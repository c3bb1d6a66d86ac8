-- One call may come five ways: the drill-down knows the most, then the export, the usage API, and what a caller kept of
-- the response: its headers, or its body or stream. All carry the request id; what one of them lacks stays null here.

{%- set exports = {'infery_usage': 2, 'infery_usage_api': 3} %}
{%- set captures = [
    {'table': 'infery_headers', 'rank': 4, 'model': 'model_used', 'is_stream': 'cast(null as boolean)', 'service_tier': 'cast(null as varchar)'},
    {'table': 'infery_responses', 'rank': 5, 'model': 'model', 'is_stream': 'is_stream', 'service_tier': 'service_tier'},
] %}

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
        cast(null as boolean) as is_stream,
        cast(null as varchar) as service_tier,
        {{ usage_reading_columns() | join(',\n        ') }},
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
            cast(null as boolean) as is_stream,
            cast(null as varchar) as service_tier,
            {{ usage_reading_columns() | join(',\n            ') }},
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
    {% for capture in captures -%}
        select
            source,
            request_id,
            occurred_at,
            cast(null as varchar) as workspace_id,
            cast(null as varchar) as api_key_id,
            cast(null as varchar) as member_id,
            'api' as origin,
            coalesce(nullif(fallback_from, ''), model_used) as model_requested,
            {{ capture.model }} as model_served,
            -- Only the headers tell that no fallback fired.
            cast(case when nullif(fallback_from, '') is null and model_used is not null then 0 end as bigint) as fallback_depth,
            cast(null as bigint) as duration_ms,
            cast(null as bigint) as gateway_overhead_ms,
            {{ capture.is_stream }} as is_stream,
            {{ capture.service_tier }} as service_tier,
            {{ usage_reading_columns() | join(',\n            ') }},
            credits_used,
            {{ capture.rank }} as stream_rank,
            raw_file,
            raw_line,
            delivered_on
        from {{ raw_events(capture.table) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
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
        -- A body has the time it was begun at.
        case when slugs.stream_rank = 5 then 'start' else coalesce(settings.time_basis, 'end') end as time_basis
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
        case when stream_rank >= 4 then 'all' else 'nothing' end as cache_told,
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
