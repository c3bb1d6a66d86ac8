{#- Rulings: docs/decisions/credits.md#credits-3 -#}
{{ config(materialized = 'table') }}

-- One row per lot of credits granted, or (below 0) taken back by hand: paid invoices, top-ups, and manual bookings.
-- Refunds of single calls are part of usage.

with invoices as (
    select * from {{ ref('stg_infery__invoices') }}
    where invoice_status = 'paid'
),

plans as (
    select * from {{ ref('stg_infery__plans') }}
),

packs as (
    select * from {{ ref('stg_config__credit_packs') }}
),

topups as (
    select * from {{ ref('int_credit_topups') }}
),

booked as (
    select * from {{ ref('stg_config__credit_grants') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

usd_prices as (
    select * from {{ ref('int_invoice_usd_prices') }}
),

-- Days written by hand are days of the gateway's billing zone.
zones as (
    {{ source_settings(['billing_time_zone']) }}
),

quota_sources as (
    select distinct source from {{ ref('stg_new_api__units') }}
),

-- A renewal grants its plan's credits, for as long as the plan says. A pack list takes precedence.
invoiced as (
    select
        invoices.*,
        coalesce(
            invoices.credits_promised, case when invoices.invoice_kind = 'renewal' then plans.monthly_credits end
        ) as credits_delivered,
        coalesce(packs.kind, case when invoices.invoice_kind = 'renewal' then 'renewal' else 'pack' end) as grant_kind,
        coalesce(packs.priority, 0) as priority,
        case
            when packs.expires_after_days is not null
                then
                    {{ local_midnight(
                        local_date('invoices.issued_at', billing_time_zone('zones.billing_time_zone'))
                        ~ ' + packs.expires_after_days * interval 1 day',
                        billing_time_zone('zones.billing_time_zone')
                    ) }}
            when invoices.invoice_kind = 'renewal' and plans.has_expiring_credits
                    then coalesce(invoices.period_end_at, invoices.issued_at + interval 1 month)
        end as expires_at,
        {{ major_per_minor('currencies.exponent') }} as major_per_minor
    from invoices
    left join zones on invoices.source = zones.source
    left join currencies on invoices.currency = currencies.currency
    {{ left_join_packs_and_plans('invoices') }}
),

grants as (
    select
        concat('invoice:', source, ':', invoice_id) as grant_id,
        source,
        coalesce(workspace_id, 'unattributed') as wallet_id,
        grant_kind,
        issued_at as granted_at,
        expires_at,
        priority,
        cast(credits_delivered as decimal(24, 6)) as amount,
        cast({{ major_amount('net_minor', 'major_per_minor') }} * 1000000000000 as decimal(38, 0)) as price_pico,
        currency,
        invoice_id,
        raw_file,
        raw_line
    from invoiced
    where credits_delivered > 0 and issued_at is not null
    union all
    select
        concat('topup:', coalesce(topup_id, account_event_id)) as grant_id,
        source,
        coalesce(nullif(wallet_key, ''), 'unattributed') as wallet_id,
        case when topup_id is null then 'unexplained' else 'topup' end as grant_kind,
        granted_at,
        cast(null as timestamp) as expires_at,
        cast(0 as bigint) as priority,
        cast(case when is_delivery_logged then delivered_quota else promised_quota end as decimal(24, 6)) as amount,
        cast(case when topup_id is null then 0 else credited_usd * 1000000000000 end as decimal(38, 0)) as price_pico,
        case when credited_usd is not null then 'usd' end as currency,
        cast(null as varchar) as invoice_id,
        raw_file,
        raw_line
    from topups
    where case when is_delivery_logged then delivered_quota else promised_quota end > 0
    union all
    select
        concat('config:', booked.source, ':', booked.grant_id) as grant_id,
        booked.source,
        booked.workspace_id as wallet_id,
        booked.kind as grant_kind,
        {{ local_midnight('booked.granted_on', billing_time_zone('zones.billing_time_zone')) }} as granted_at,
        {{ local_midnight('booked.expires_on', billing_time_zone('zones.billing_time_zone')) }} as expires_at,
        booked.priority,
        cast(booked.credits as decimal(24, 6)) as amount,
        cast(case when booked.kind = 'promotion' then 0 end as decimal(38, 0)) as price_pico,
        cast(null as varchar) as currency,
        cast(null as varchar) as invoice_id,
        booked.config_file as raw_file,
        booked.config_line as raw_line
    from booked
    left join zones on booked.source = zones.source
),

counted as (
    select
        grants.*,
        case
            when grants.price_pico = 0 or grants.currency = 'usd' then grants.price_pico else usd_prices.net_usd_pico
        end as price_usd_pico,
        case when quota_sources.source is null then 'credit' else 'quota' end as unit,
        try_cast(grants.amount * 1000000 as bigint) as amount_micro
    from grants
    left join usd_prices on grants.invoice_id = usd_prices.invoice_id
    left join quota_sources on grants.source = quota_sources.source
)

select * from counted
where amount_micro <> 0
