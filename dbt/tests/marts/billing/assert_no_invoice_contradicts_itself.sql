-- Fails if the numbers of an invoice do not agree with each other.
{{ config(tags = ['finding']) }}

with documents as (
    select * from {{ ref('recon_invoice_arithmetic') }}
)

select * from documents
where status = 'inconsistent'
