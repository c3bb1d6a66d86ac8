-- FOCUS 1.4: these columns of Invoice Detail MUST NOT be null.
-- noqa: disable=capitalisation.identifiers
{%- set columns = [
    'BilledCost', 'BillingAccountId', 'BillingCurrency', 'BillingPeriodStart', 'BillingPeriodEnd', 'ChargeCategory',
    'InvoiceDetailCreated', 'InvoiceDetailId', 'InvoiceDetailLastUpdated', 'InvoiceId', 'InvoiceIssueStatus',
    'InvoiceIssuerName', 'PaymentCurrency', 'PaymentTerms', 'ReferenceInvoiceId',
] %}
with lines as (
    select * from {{ ref('focus_invoice_detail') }}
)

select InvoiceDetailId
from lines
where
    {% for column in columns -%}
        {{ 'or ' if not loop.first }}{{ column }} is null
    {% endfor %}
