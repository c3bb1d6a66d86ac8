-- Events of the account itself. None is usage, whatever its quota.
with log_items as (
    select * from {{ ref('stg_new_api__log_items') }}
    where log_kind not in ('consume', 'error', 'test', 'refund')
),

account_events as (
    select
        ---------- ids
        event_id as account_event_id,
        source,
        client_request_id as request_id,
        cast(user_id as varchar) as member_id,
        nullif(username, '') as member_name,

        ---------- time
        occurred_at,
        cast(occurred_at as date) as event_date,

        ---------- what happened
        case when log_kind = 'topup' then 'topup' else 'system' end as event_type,
        log_kind,
        nullif(content, '') as description,

        ---------- money: One-API writes the topped-up quota on the row, which is credit, not charge
        coalesce(quota, 0) as quota,
        log_kind != 'topup' and coalesce(quota, 0) != 0 as has_charge,

        ---------- lineage
        raw_file,
        raw_line,
        delivered_on
    from log_items
)

select * from account_events
