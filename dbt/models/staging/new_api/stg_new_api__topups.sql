{#- Rulings: docs/decisions/credits.md#credits-8 -#}
{{ config(materialized = 'table') }}

-- One row per top-up: a pending one becomes a success under the same trade number, so the last delivery wins, and within
-- a day what is settled wins, in whatever file it came.
with topups as (
    select * from {{ raw_table('new_api_topups') }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

ranked as (
    select
        *,
        lower(trim(coalesce(nullif(trim(payment_provider), ''), payment_method, ''))) as paid_through,
        row_number() over (
            partition by source, trade_no
            order by
                delivered_on desc, status = 'pending', status = 'success' desc, complete_time desc nulls last,
                amount desc nulls last, money desc nulls last, raw_file desc, raw_line desc
        ) as delivery_rank
    from topups
),

latest as (
    select * from ranked
    where delivery_rank = 1
),

-- Stripe credits by the price paid; Creem's amount is quota; all others' amount is dollars, whatever the money. A plan
-- bought through any of them has an amount of 0 and credits no wallet.
credited as (
    select
        latest.*,
        case
            when latest.status != 'success' or latest.amount = 0 then 0
            when latest.paid_through = 'creem' then latest.amount
            when latest.paid_through = 'stripe' then try_cast(round(latest.money * units.quota_per_unit, 0) as bigint)
            else try_cast(cast(latest.amount as hugeint) * units.quota_per_unit as bigint)
        end as quota_credited,
        units.quota_per_unit,
        units.picousd_per_quota,
        units.largest_quota
    from latest
    left join units
        on
            latest.source = units.source
            and cast(coalesce(latest.complete_time, latest.create_time) as date) >= units.valid_from
            and cast(coalesce(latest.complete_time, latest.create_time) as date) < units.valid_to
),

renamed as (
    select
        ---------- ids
        concat(source, ':', trade_no) as topup_id,
        source,
        trade_no,
        cast(user_id as varchar) as member_id,

        ---------- what it is
        payment_method,
        paid_through as payment_provider,
        status as topup_status,

        ---------- money
        amount as stated_amount,
        money as stated_money,
        quota_credited,
        {{ quota_usd('quota_credited', 'credited') }} as credited_usd,

        ---------- timestamps
        create_time as created_at,
        complete_time as completed_at,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from credited
)

select * from renamed
