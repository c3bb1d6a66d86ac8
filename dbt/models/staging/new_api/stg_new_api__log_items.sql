-- Log items of the days being built, of every type, each with an identity of its own.
--
-- `id` is no key in a user's log. A request id is shared by a call's retries, its errors, its refund and the settlement
-- of a task hours later, so type and second belong to the key; two different items of one second are told apart by
-- their rank. Older builds have no request id: there the item itself is the key, and the n-th equal one in a file stays
-- the n-th however often the same window is exported.
with logs as (
    select * from {{ raw_events('new_api_logs') }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

items as (
    select
        logs.*,
        coalesce(units.time_basis, 'end') as time_basis,
        units.quota_per_unit,
        units.charge_rounding,
        coalesce(units.default_semantic, 'openai') as default_semantic,
        case logs.log_type
            when 1 then 'topup'
            when 2 then 'consume'
            when 3 then 'manage'
            when 4 then 'system'
            when 5 then case when units.dialect = 'one_api' then 'test' else 'error' end
            when 6 then 'refund'
            when 7 then 'login'
            else 'unknown'
        end as log_kind,
        nullif(logs.request_id, '') as client_request_id,
        concat_ws(
            '|',
            coalesce(logs.quota, 0), coalesce(logs.prompt_tokens, 0), coalesce(logs.completion_tokens, 0),
            coalesce(logs.cache_tokens, 0), coalesce(logs.cache_creation_tokens, 0), coalesce(logs.use_time, -1),
            coalesce(logs.elapsed_time, -1), coalesce(logs.channel_id, -1), coalesce(logs.model_name, ''),
            coalesce(logs.token_id, -1), coalesce(logs.token_name, ''), coalesce(logs.user_id, -1),
            coalesce(logs.frt_ms, -1), coalesce(logs.request_path, ''), coalesce(logs.content, ''),
            coalesce(logs.group_ratio, -1), coalesce(logs.model_price, -1), coalesce(logs.task_id, '')
        ) as item_text,
        {{ quota_usd('logs.quota', 'units') }} as quota_usd,
        {{ quota_usd('logs.wallet_quota_deducted', 'units') }} as wallet_usd
    from logs
    left join units
        on
            logs.source = units.source
            and cast(logs.occurred_at as date) >= units.valid_from
            and cast(logs.occurred_at as date) < units.valid_to
),

identified as (
    select
        *,
        concat_ws(
            ':',
            source,
            coalesce(client_request_id, md5(concat(epoch(occurred_at), '|', item_text))),
            log_kind,
            cast(epoch(occurred_at) as bigint)
        ) as identity
    from items
),

-- Few items share an identity within a file; only they are ranked, because ranking is dear.
shared as (
    select
        raw_file,
        hash(identity) as identity_hash
    from identified
    group by raw_file, hash(identity)
    having count(*) > 1
),

ranked as (
    select
        identified.raw_file,
        identified.raw_line,
        case
            when identified.client_request_id is null
                then row_number() over (
                    partition by identified.identity, identified.raw_file
                    order by identified.raw_line
                )
            else dense_rank() over (
                partition by identified.identity, identified.raw_file
                order by identified.item_text
            )
        end as place
    from identified
    inner join shared
        on identified.raw_file = shared.raw_file and hash(identified.identity) = shared.identity_hash
),

numbered as (
    select
        identified.*,
        ranked.place
    from identified
    left join ranked
        on identified.raw_file = ranked.raw_file and identified.raw_line = ranked.raw_line
),

log_items as (
    select
        * exclude (item_text, identity, place),
        case when place > 1 then concat(identity, ':', place) else identity end as event_id
    from numbered
)

select * from log_items
