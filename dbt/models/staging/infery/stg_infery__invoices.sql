{{ config(materialized = 'table') }}

-- One row per invoice: the last delivery wins, because a draft becomes open, then paid or void, under the same id. Within a
-- day the furthest on that way wins, in whatever file it came.
-- Amounts arrive in major units and leave in minor units, the unit Stripe counts in.

with invoices as (
    select * from {{ raw_table('infery_invoices') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

ranked as (
    select
        invoices.*,
        row_number() over (
            partition by invoices.invoice_id
            order by
                invoices.delivered_on desc,
                case lower(trim(invoices.status)) when 'draft' then 2 when 'open' then 1 else 0 end,
                invoices.status desc, invoices.raw_file desc, invoices.raw_line desc
        ) as delivery_rank,
        count(*) over (partition by invoices.invoice_id) as delivery_count
    from invoices
),

latest as (
    select * from ranked
    where delivery_rank = 1
),

with_scale as (
    select
        latest.*,
        {{ minor_per_major('currencies.exponent') }} as minor_per_major
    from latest
    left join currencies on lower(trim(latest.currency)) = currencies.currency
),

renamed as (
    select
        ---------- ids
        invoice_id,
        source,
        nullif(trim(workspace_id), '') as workspace_id,
        nullif(trim(payment_intent), '') as payment_intent_id,
        nullif(trim(stripe_invoice), '') as stripe_invoice_id,

        ---------- what it is
        lower(trim(kind)) as invoice_kind,
        lower(trim(status)) as invoice_status,
        lower(trim(vat_treatment)) as vat_treatment,
        pack as credit_pack,
        pdf_url,
        receipt_url,

        ---------- money
        lower(trim(currency)) as currency,
        cast(round(cast(net as decimal(38, 4)) * minor_per_major, 0) as bigint) as net_minor,
        cast(round(cast(vat as decimal(38, 4)) * minor_per_major, 0) as bigint) as vat_minor,
        cast(round(cast(total as decimal(38, 4)) * minor_per_major, 0) as bigint) as total_minor,
        cast(vat_rate as decimal(9, 6)) as vat_ratio,
        credits as credits_promised,

        ---------- timestamps
        issued_at,
        period_start as period_start_at,
        period_end as period_end_at,

        ---------- lineage
        delivered_on,
        cast(delivery_count as bigint) as delivery_count,
        raw_file,
        raw_line
    from with_scale
)

select * from renamed
