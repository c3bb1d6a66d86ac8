{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-9 -#}
-- One row per gateway invoice, with the reconciliation item it belongs to.

with invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

vat_zones as (
    {{ source_settings(['vat_time_zone']) }}
),

dated as (
    select
        invoices.*,
        {{ local_date('invoices.issued_at', vat_time_zone('vat_zones.vat_time_zone')) }} as vat_date
    from invoices
    left join vat_zones on invoices.source = vat_zones.source
),

final as (
    select
        ---------- ids
        invoice_id,
        source,
        workspace_id,
        payment_intent_id,
        stripe_invoice_id,
        concat('inv:', invoice_id) as item_id,

        ---------- what it is
        invoice_kind,
        invoice_status,
        vat_treatment,
        credit_pack,
        credits_promised,
        pdf_url,
        receipt_url,

        ---------- money, minor units
        currency,
        net_minor,
        vat_minor,
        total_minor,
        credited_minor,
        settled_otherwise_minor,
        payable_minor,
        vat_ratio,

        ---------- money, for reading
        net_amount,
        vat_amount,
        total_amount,
        payable_amount,

        ---------- timestamps
        issued_at,
        vat_date,
        period_start_at,
        period_end_at,

        ---------- lineage
        delivered_on,
        delivery_count,
        raw_file,
        raw_line
    from dated
)

select * from final
