with console_rows as (
    select * from {{ raw_events('new_api_logs_csv') }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

-- The table has no id: the whole row is the key, and equal rows are one.
console as (
    select
        console_rows.*,
        coalesce(units.time_basis, 'start') as time_basis,
        coalesce(console_rows.http_status, 200) < 400
        and (console_rows.http_status is not null or coalesce(console_rows.error, '') = '') as is_success,
        cast(console_rows.usage_quota * cast(1000000 as decimal(7, 0)) as bigint) as quota_millionths,
        md5(concat_ws(
            '|',
            console_rows.created_at, console_rows.model_name, coalesce(console_rows.token_name, ''),
            coalesce(console_rows.group_name, ''), coalesce(console_rows.call_type, ''),
            coalesce(console_rows.duration_ms, -1), coalesce(console_rows.prompt_tokens, -1),
            coalesce(console_rows.completion_tokens, -1), coalesce(console_rows.total_tokens, -1),
            coalesce(console_rows.usage_quota, -1), coalesce(console_rows.cost, -1),
            coalesce(console_rows.http_status, -1), coalesce(console_rows.error, '')
        )) as row_hash,
        units.quota_per_unit,
        units.charge_rounding,
        units.picousd_per_quota,
        units.largest_quota
    from console_rows
    left join units
        on
            console_rows.source = units.source
            and cast(console_rows.occurred_at as date) >= units.valid_from
            and cast(console_rows.occurred_at as date) < units.valid_to
),

usage_events as (
    select
        ---------- ids
        source,
        cast(null as varchar) as request_id,
        concat(source, ':', row_hash, ':', case when is_success then 'consume' else 'error' end) as event_id,
        cast(null as varchar) as upstream_request_id,
        cast(null as varchar) as workspace_id,
        nullif(token_name, '') as api_key_id,
        nullif(token_name, '') as api_key_name,
        cast(null as varchar) as member_id,
        'api' as origin,
        nullif(group_name, '') as group_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,
        time_basis,

        ---------- call
        case when is_success then 'llm_call' else 'error' end as event_type,
        case
            when lower(trim(call_type)) in ('chat', 'embeddings', 'image', 'audio', 'rerank') then lower(trim(call_type))
            when nullif(trim(call_type), '') is null then 'chat'
            else 'other'
        end as call_type,
        cast(null as varchar) as request_path,
        case when is_success then 'success' else 'failure' end as status,
        http_status,
        nullif(error, '') as error_code,
        cast(null as boolean) as is_stream,
        duration_ms,
        cast(null as bigint) as ttft_ms,
        cast(null as bigint) as gateway_overhead_ms,
        cast(0 as bigint) as fallback_depth,

        ---------- model
        case when model_name like '%/%' then split_part(model_name, '/', 1) else '' end as provider,
        model_name as model_requested,
        model_name as model_served,
        case when model_name like '%/%' then split_part(model_name, '/', 1) else '' end as price_provider,
        case when model_name like '%/%' then substring(model_name, strpos(model_name, '/') + 1) else model_name end
            as price_model,
        'standard' as service_tier,
        cast(null as varchar) as service_tier_requested,

        ---------- tokens: the table does not say what came from the cache
        coalesce(prompt_tokens, 0) as uncached_input_tokens,
        cast(0 as bigint) as cache_read_tokens,
        cast(0 as bigint) as cache_write_5m_tokens,
        cast(0 as bigint) as cache_write_1h_tokens,
        {{ absent('media_tokens') }},
        coalesce(completion_tokens, 0) as output_text_tokens,
        cast(0 as bigint) as reasoning_tokens,
        coalesce(prompt_tokens, 0) as input_tokens,
        coalesce(completion_tokens, 0) as output_tokens,
        total_tokens as reported_total_tokens,
        {{ absent('searches') }},
        cast(1 as bigint) as call_units,
        case
            when coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) = 0 then 'missing'
            else 'reported'
        end as usage_source,
        cast(null as varchar) as usage_reading,
        'nothing' as cache_told,
        true as tells_groups,

        ---------- money: what the console calls cost may be in another currency, its units never are
        'ratio' as billing_mode,
        cast(null as decimal(9, 6)) as stated_discount_factor,
        {{ absent('ratios', except = ['quota_per_unit', 'charge_rounding']) }},
        quota_per_unit,
        charge_rounding,
        {{ absent('unknown') }},
        coalesce({{ quota_usd('quota_millionths', 'console', per = 1000000) }}, cost) as reported_cost_usd,
        {{ absent('reported_tiers') }},
        {{ absent('stated_prices') }},
        false as is_gateway_cache_hit,
        {{ absent('credits') }},
        case when usage_quota = trunc(usage_quota) then cast(usage_quota as bigint) end as quota_used,
        'wallet' as billing_source,
        {{ absent('funding', except = ['billing_source']) }},

        ---------- lineage
        false as is_response,
        2 as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from console
)

select * from usage_events
