-- Fails if two sources deliver an invoice of one id. Ids are unique in a gateway, so the later delivery counts: either one
-- account is configured twice, or the invoices of two are mixed up.
{{ config(tags = ['finding']) }}

with invoices as (
    select * from {{ raw_table('infery_invoices') }}
),

counted as (
    select
        invoice_id,
        min(source) as source,
        max(source) as other_source
    from invoices
    group by invoice_id
    having min(source) <> max(source)
)

select * from counted
