-- The same call may come in the log, in the page's CSV export of it, and as the response its caller captured. They share
-- the id; what one of them does not say is null here, and the others fill it in.

{%- set said = {
    'request_id': 'varchar', 'status': 'varchar', 'api_key_id': 'varchar', 'api_key_name': 'varchar',
    'workspace_id': 'varchar', 'member_id': 'varchar', 'group_name': 'varchar', 'origin': 'varchar', 'model': 'varchar',
    'stream': 'boolean', 'processing_ms': 'bigint', 'http_status': 'bigint', 'error': 'varchar',
    'service_tier': 'varchar', 'is_byok': 'boolean',
    'cost_byok': 'decimal(18, 12)',
    'discount_rate': 'decimal(18, 9)', 'usage_cost': 'decimal(18, 12)', 'list_price': 'decimal(18, 12)',
    'discounted_price': 'decimal(18, 12)',
} %}
{%- set log_origin = "case when member_id is null then 'api' else 'playground' end" %}
{%- set streams = [
    {'table': 'infron_logs', 'rank': 1, 'own': {'origin': log_origin}, 'silent': []},
    {
        'table': 'infron_logs_csv',
        'rank': 2,
        'own': {'usage_cost': 'cache_optimized_price'},
        'silent': [
            'api_key_id', 'api_key_name', 'workspace_id', 'member_id', 'group_name', 'origin', 'stream', 'http_status',
            'error', 'service_tier', 'is_byok', 'cost_byok', 'discount_rate',
        ],
    },
    {
        'table': 'infron_responses',
        'rank': 3,
        'own': {'request_id': 'id', 'status': "'success'", 'stream': 'is_stream'},
        'silent': [
            'api_key_id', 'api_key_name', 'workspace_id', 'member_id', 'group_name', 'origin', 'processing_ms',
            'http_status', 'error', 'list_price', 'discounted_price',
        ],
    },
] %}

with logs as (
    {% for stream in streams -%}
        select
            source,
            occurred_at,
            {% for column, type in said.items() -%}
                {%- if column in stream.silent -%}
                    cast(null as {{ type }}) as {{ column }},
                {%- elif column in stream.own -%}
                    {{ stream.own[column] }} as {{ column }},
                {%- else -%}
                    {{ column }},
                {%- endif %}
            {% endfor -%}
            {{ usage_reading_columns() | join(',\n            ') }},
            {{ stream.rank }} as stream_rank,
            raw_file,
            raw_line,
            delivered_on
        from {{ raw_events(stream.table) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- The slug's prefix is the provider, and the same model costs differently at another one.
slugs as (
    select
        *,
        case when model like '%/%' then split_part(model, '/', 1) else '' end as slug_provider,
        case
            when model like '%/%' then substring(model, strpos(model, '/') + 1) else coalesce(model, '')
        end as slug_model
    from logs
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
        error as error_code,
        stream as is_stream,
        processing_ms as duration_ms,
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
        case when stream_rank = 2 then 'reads' else 'all' end as cache_told,
        stream_rank = 1 as tells_groups,

        ---------- money
        case when coalesce(is_byok, false) then 'byok' else 'token' end as billing_mode,
        cast(discount_rate as decimal(9, 6)) as stated_discount_factor,
        {{ absent('ratios') }},
        {{ absent('unknown') }},
        -- With a key of one's own the gateway takes a fee, and the provider bills the key.
        case
            when coalesce(is_byok, false) then cast(usage_cost + coalesce(cost_byok, 0) as decimal(18, 12))
            else usage_cost
        end as reported_cost_usd,
        list_price as reported_list_cost_usd,
        discounted_price as reported_discounted_cost_usd,
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        {{ absent('credits') }},
        {{ absent('quota') }},
        'wallet' as billing_source,
        case when coalesce(is_byok, false) then usage_cost end as wallet_cost_usd,
        case when coalesce(is_byok, false) then cost_byok end as upstream_cost_usd,
        {{ absent('funding', except = ['billing_source', 'wallet_cost_usd', 'upstream_cost_usd']) }},

        ---------- lineage
        stream_rank = 3 as is_response,
        stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from slugs
)

select * from usage_events
