{{ config(materialized = 'view') }}
-- FOCUS spells its columns so.
-- noqa: disable=capitalisation.identifiers

with invoice_lines as (
    select * from {{ ref('int_focus_invoice_lines') }}
),

focus_columns as (
    select
        cast(amount as decimal(38, 12)) as BilledCost,
        workspace_id as BillingAccountId,
        billing_currency as BillingCurrency,
        month_start_at + interval 1 month as BillingPeriodEnd,
        month_start_at as BillingPeriodStart,
        charge_category as ChargeCategory,
        issued_at as InvoiceDetailCreated,
        description as InvoiceDetailDescription,
        cast(json_object('x_InvoiceKind', invoice_kind, 'x_CreditPack', credit_pack) as varchar) as InvoiceDetailGrain,
        invoice_detail_id as InvoiceDetailId,
        greatest(issued_at, cast(delivered_on as timestamp)) as InvoiceDetailLastUpdated,
        invoice_id as InvoiceId,
        case when invoice_status != 'draft' then issued_at end as InvoiceIssueDate,
        case invoice_status
            when 'draft' then 'Open'
            when 'void' then 'Voided'
            else 'Issued'
        end as InvoiceIssueStatus,
        source as InvoiceIssuerName,
        billing_currency as PaymentCurrency,
        cast(null as timestamp) as PaymentDueDate,
        'Due on receipt' as PaymentTerms,
        invoice_id as ReferenceInvoiceId
    from invoice_lines
)

select * from focus_columns
