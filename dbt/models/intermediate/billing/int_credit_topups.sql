{#- Rulings: docs/decisions/credits.md -#}
{{ config(materialized = 'table') }}

-- One row per top-up of a gateway that counts in quota: what was bought, what the log says was credited, or both.
-- The log does not name the purchase. Equal amounts of one account are matched in their order; of the rest, the amounts
-- of one account and day, in their order.

with topups as (
    select
        source,
        topup_id,
        coalesce(member_id, '') as wallet_key,
        quota_credited as quota,
        credited_usd,
        coalesce(completed_at, created_at) as happened_at,
        raw_file,
        raw_line
    from {{ ref('stg_new_api__topups') }}
    where topup_status = 'success' and quota_credited > 0
),

-- New-API writes 0 on these rows and the amount into prose; One-API and some builds write the amount.
credited as (
    select
        source,
        account_event_id,
        coalesce(member_id, '') as wallet_key,
        quota,
        occurred_at as happened_at,
        raw_file,
        raw_line
    from {{ ref('int_account_events') }}
    where event_type = 'topup' and quota > 0
),

sources_that_log as (
    select distinct source from credited
),

topups_in_order as (
    select
        *,
        row_number() over (
            partition by source, wallet_key, quota
            order by happened_at, topup_id
        ) as place
    from topups
),

credited_in_order as (
    select
        *,
        row_number() over (
            partition by source, wallet_key, quota
            order by happened_at, account_event_id
        ) as place
    from credited
),

equal_pairs as (
    select
        topups_in_order.topup_id,
        credited_in_order.account_event_id
    from topups_in_order
    inner join credited_in_order
        on
            topups_in_order.source = credited_in_order.source
            and topups_in_order.wallet_key = credited_in_order.wallet_key
            and topups_in_order.quota = credited_in_order.quota
            and topups_in_order.place = credited_in_order.place
),

topups_left as (
    select
        topups.topup_id,
        topups.source,
        topups.wallet_key,
        cast(topups.happened_at as date) as happened_on,
        row_number() over (
            partition by topups.source, topups.wallet_key, cast(topups.happened_at as date)
            order by topups.happened_at, topups.topup_id
        ) as place
    from topups
    left join equal_pairs on topups.topup_id = equal_pairs.topup_id
    where equal_pairs.topup_id is null
),

credited_left as (
    select
        credited.account_event_id,
        credited.source,
        credited.wallet_key,
        cast(credited.happened_at as date) as happened_on,
        row_number() over (
            partition by credited.source, credited.wallet_key, cast(credited.happened_at as date)
            order by credited.happened_at, credited.account_event_id
        ) as place
    from credited
    left join equal_pairs on credited.account_event_id = equal_pairs.account_event_id
    where equal_pairs.account_event_id is null
),

pairs as (
    select
        topup_id,
        account_event_id
    from equal_pairs
    union all
    select
        topups_left.topup_id,
        credited_left.account_event_id
    from topups_left
    full join credited_left
        on
            topups_left.source = credited_left.source
            and topups_left.wallet_key = credited_left.wallet_key
            and topups_left.happened_on = credited_left.happened_on
            and topups_left.place = credited_left.place
),

-- The same amount for the same account on the day of a purchase that is already matched: credited twice.
bought as (
    select distinct
        source,
        wallet_key,
        quota,
        cast(happened_at as date) as happened_on
    from topups
),

matched as (
    select
        pairs.topup_id,
        pairs.account_event_id,
        coalesce(topups.source, credited.source) as source,
        coalesce(topups.wallet_key, credited.wallet_key) as wallet_key,
        coalesce(credited.happened_at, topups.happened_at) as granted_at,
        topups.quota as promised_quota,
        credited.quota as delivered_quota,
        topups.credited_usd,
        coalesce(topups.raw_file, credited.raw_file) as raw_file,
        coalesce(topups.raw_line, credited.raw_line) as raw_line,
        sources_that_log.source is not null as is_delivery_logged,
        bought.source is not null as is_repeated
    from pairs
    left join topups on pairs.topup_id = topups.topup_id
    left join credited on pairs.account_event_id = credited.account_event_id
    left join sources_that_log on coalesce(topups.source, credited.source) = sources_that_log.source
    left join bought
        on
            credited.source = bought.source
            and credited.wallet_key = bought.wallet_key
            and credited.quota = bought.quota
            and cast(credited.happened_at as date) = bought.happened_on
)

select * from matched
