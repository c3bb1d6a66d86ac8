{#- Rulings: docs/decisions/copies.md#copies-3 -#}
-- Log items of the days being built, of every type, each with its own identity.
--
-- `id` is a key where an administrator read the log and sources.yml says so; in a user's log it is a position in a
-- list. A request id is shared by a call's retries, its errors, its refund and the settlement of a task hours later, so
-- type and second belong to the key; items of one second with different content are different items, whatever their
-- files. Older builds have no request id: there the whole item is the key. Equal content is the same item.
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
        coalesce(units.trusted_ids and logs.id > 0, false) as has_trusted_id,
        case logs.log_type
            when 1 then 'topup'
            when 2 then 'consume'
            when 3 then 'manage'
            when 4 then 'system'
            when 5 then case when units.connector = 'one_api' then 'test' else 'error' end
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
        case
            when has_trusted_id then concat(source, ':#', id)
            else concat_ws(
                ':',
                source,
                coalesce(client_request_id, md5(concat(epoch(occurred_at), '|', item_text))),
                log_kind,
                cast(epoch(occurred_at) as bigint)
            )
        end as identity
    from items
),

-- Few items share an identity; only their content is compared, because comparing is expensive.
shared as (
    select hash(identity) as identity_hash
    from identified
    where not has_trusted_id
    group by hash(identity)
    having count(*) > 1
),

-- Fields only in an administrator's copy of an item (channel name, retries, end of the stream) do not distinguish
-- items.
compared as (
    select
        identified.raw_file,
        identified.raw_line,
        identified.identity,
        concat_ws(
            '|', identified.item_text
            {%- for column in [
                'is_stream', 'group_name', 'cache_creation_tokens_5m', 'cache_creation_tokens_1h', 'cache_write_tokens',
                'image_tokens', 'image_count', 'audio_input', 'audio_output', 'model_ratio', 'completion_ratio',
                'tool_surcharges', 'expr_b64', 'matched_tier', 'upstream_model_name', 'pre_consumed_quota',
                'actual_quota', 'wallet_quota_deducted', 'fee_quota', 'error_code', 'upstream_request_id',
            ] %}, coalesce(cast(identified.{{ column }} as varchar), '')
            {%- endfor %}
        ) as said
    from identified
    inner join shared on hash(identified.identity) = shared.identity_hash
    where not identified.has_trusted_id
),

-- The first of them by content has the plain key, the others have a hash of their content added.
told_apart as (
    select
        raw_file,
        raw_line,
        case
            when said != min(said) over (partition by identity) then concat(identity, ':', left(md5(said), 8))
        end as event_id
    from compared
),

keyed as (
    select
        identified.*,
        coalesce(told_apart.event_id, identified.identity) as event_id
    from identified
    left join told_apart
        on identified.raw_file = told_apart.raw_file and identified.raw_line = told_apart.raw_line
),

log_items as (
    select * exclude (item_text, identity, has_trusted_id) from keyed
)

select * from log_items
