{#- Rulings: docs/decisions/credits.md -#}
-- One row per paid invoice and top-up, and per delivery of credits that neither explains.
-- Promised: the credits of the invoice's pack in the pack list, else the plan's for a renewal. Delivered: the credits
-- on the invoice, the quota in the log.

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

grants as (
    select * from {{ ref('int_credit_grants') }}
),

paid_invoices as (
    select distinct invoice_id
    from {{ ref('int_payment_parts') }}
    where invoice_id is not null and received_minor > 0
),

-- One payment buys credits once, or once per invoice if Stripe split it over several. Of invoices that name the same
-- payment, those count that received its money in recon_invoice_payments; without known money, the first.
invoices_in_order as (
    select
        invoices.*,
        paid_invoices.invoice_id is not null as is_paid,
        row_number() over (
            partition by invoices.source, coalesce(invoices.payment_intent_id, invoices.stripe_invoice_id, invoices.invoice_id)
            order by paid_invoices.invoice_id nulls last, invoices.issued_at, invoices.invoice_id
        ) as place
    from invoices
    left join paid_invoices on invoices.invoice_id = paid_invoices.invoice_id
),

promised_by_invoice as (
    select
        concat('invoice:', invoices_in_order.source, ':', invoices_in_order.invoice_id) as item_id,
        invoices_in_order.source,
        coalesce(invoices_in_order.workspace_id, 'unattributed') as workspace_id,
        invoices_in_order.invoice_id,
        invoices_in_order.credit_pack,
        'credit' as unit,
        invoices_in_order.issued_at as promised_at,
        case
            when packs.pack is not null then 'pack'
            when invoices_in_order.invoice_kind = 'renewal' and plans.monthly_credits is not null then 'plan'
        end as promised_by,
        cast(
            coalesce(packs.credits, case when invoices_in_order.invoice_kind = 'renewal' then plans.monthly_credits end)
            as decimal(24, 6)
        ) as promised,
        cast(
            coalesce(
                invoices_in_order.credits_promised,
                case when invoices_in_order.invoice_kind = 'renewal' then plans.monthly_credits end,
                0
            ) as decimal(24, 6)
        ) as delivered,
        invoices_in_order.place > 1 and not invoices_in_order.is_paid as is_repeated,
        invoices_in_order.raw_file,
        invoices_in_order.raw_line
    from invoices_in_order
    {{ left_join_packs_and_plans('invoices_in_order') }}
),

promised_by_topup as (
    select
        concat('topup:', coalesce(topup_id, account_event_id)) as item_id,
        source,
        coalesce(nullif(wallet_key, ''), 'unattributed') as workspace_id,
        cast(null as varchar) as invoice_id,
        cast(null as varchar) as credit_pack,
        'quota' as unit,
        granted_at as promised_at,
        case when topup_id is not null then 'topup' end as promised_by,
        cast(promised_quota as decimal(24, 6)) as promised,
        cast(case when is_delivery_logged then coalesce(delivered_quota, 0) end as decimal(24, 6)) as delivered,
        topup_id is null and is_repeated as is_repeated,
        raw_file,
        raw_line
    from topups
),

items as (
    select * from promised_by_invoice
    union all
    select * from promised_by_topup
),

compared as (
    select
        items.*,
        grants.grant_id,
        case
            when items.is_repeated then 'delivered_twice'
            when items.unit = 'quota' and items.promised is null then 'delivered_without_invoice'
            when items.delivered = 0 then 'not_delivered'
            when items.promised is null or items.delivered is null then 'not_comparable'
            when items.delivered > items.promised then 'over_delivered'
            when items.delivered < items.promised then 'under_delivered'
            else 'matched'
        end as status
    from items
    left join grants on items.item_id = grants.grant_id
),

final as (
    select
        ---------- ids
        item_id,
        source,
        workspace_id,
        invoice_id,
        grant_id,

        ---------- status
        status,

        ---------- both sides
        promised_at,
        credit_pack,
        promised_by,
        unit,
        try_cast(promised * 1000000 as bigint) as promised_micro,
        try_cast(delivered * 1000000 as bigint) as delivered_micro,
        try_cast((delivered - case when is_repeated then 0 else coalesce(promised, 0) end) * 1000000 as bigint)
            as difference_micro,

        ---------- lineage
        raw_file,
        raw_line
    from compared
)

select * from final
