with invoices as (
    select
        *,
        case when payable_minor > 0 then coalesce(vat_amount, 0) else 0 end as payable_vat_amount
    from {{ ref('int_invoices_payable') }}
),

categories as (
    select charge_category from (values ('Purchase'), ('Tax')) as named (charge_category)
),

lines as (
    select
        invoices.invoice_id,
        concat(invoices.invoice_id, ':', lower(categories.charge_category)) as invoice_detail_id,
        categories.charge_category,
        case categories.charge_category
            when 'Purchase'
                then concat_ws(
                    ' ', invoices.invoice_kind, invoices.credit_pack,
                    case when invoices.credits_promised > 0 then concat(invoices.credits_promised, ' credits') end
                )
            else concat_ws(' ', 'VAT', invoices.vat_treatment)
        end as description,
        invoices.invoice_kind,
        invoices.invoice_status,
        invoices.credit_pack,
        invoices.source,
        coalesce(invoices.workspace_id, 'unattributed') as workspace_id,
        upper(invoices.currency) as billing_currency,
        case categories.charge_category
            when 'Purchase' then invoices.payable_amount - invoices.payable_vat_amount
            else invoices.payable_vat_amount
        end as amount,
        invoices.issued_at,
        invoices.delivered_on,
        cast(date_trunc('month', invoices.issued_at) as timestamp) as month_start_at,
        coalesce(invoices.period_start_at, cast(cast(invoices.issued_at as date) as timestamp)) as charge_start_at,
        coalesce(invoices.period_end_at, cast(cast(invoices.issued_at as date) as timestamp) + interval 1 day)
            as charge_end_at
    from invoices
    cross join categories
    where categories.charge_category = 'Purchase' or invoices.vat_minor != 0
)

select * from lines
