{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-9 -#}
-- One row per month of the VAT zone, source, treatment and currency: invoiced, credited by credit notes, and net. A
-- document counts in the month it was issued in, whenever it was paid; drafts and void invoices were never issued; an
-- uncollectible invoice was.

{%- set amounts = {
    'net': 'credit_notes.total_minor - credit_notes.tax_minor', 'vat': 'credit_notes.tax_minor',
    'total': 'credit_notes.total_minor',
} %}

with invoices as (
    select * from {{ ref('fct_invoices') }}
),

credit_notes as (
    select * from {{ ref('stg_stripe__credit_notes') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
    where is_owner
),

vat_zones as (
    {{ source_settings(['vat_time_zone']) }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

issued as (
    select
        source,
        vat_date,
        vat_treatment,
        currency,
        1 as invoice_count,
        0 as credit_note_count,
        {% for amount in amounts -%}
            {{ amount }}_minor as invoiced_{{ amount }}_minor,
            0 as credited_{{ amount }}_minor{{ ',' if not loop.last }}
        {% endfor %}
    from invoices
    where invoice_status not in ('draft', 'void')
),

-- A credit note of a Stripe invoice without a gateway invoice has no treatment, and Stripe as its source.
credited as (
    select
        coalesce(invoices.source, credit_notes.source) as source,
        {{ local_date('credit_notes.created_at', vat_time_zone('vat_zones.vat_time_zone')) }} as vat_date,
        invoices.vat_treatment,
        credit_notes.currency,
        0 as invoice_count,
        1 as credit_note_count,
        {% for amount, of_note in amounts.items() -%}
            0 as invoiced_{{ amount }}_minor,
            {{ of_note }} as credited_{{ amount }}_minor{{ ',' if not loop.last }}
        {% endfor %}
    from credit_notes
    left join stripe_invoice_links on credit_notes.stripe_invoice_id = stripe_invoice_links.stripe_invoice_id
    left join invoices on stripe_invoice_links.invoice_id = invoices.invoice_id
    left join vat_zones on invoices.source = vat_zones.source
    where credit_notes.credit_note_status = 'issued'
),

documents as (
    select * from issued
    union all
    select * from credited
),

sums as (
    select
        cast(date_trunc('month', vat_date) as date) as vat_month,
        source,
        coalesce(vat_treatment, 'unknown') as vat_treatment,
        currency,
        cast(sum(invoice_count) as bigint) as invoice_count,
        cast(sum(credit_note_count) as bigint) as credit_note_count,
        {% for amount in amounts -%}
            cast(sum(invoiced_{{ amount }}_minor) as bigint) as invoiced_{{ amount }}_minor,
            cast(sum(credited_{{ amount }}_minor) as bigint) as credited_{{ amount }}_minor,
            cast(sum(invoiced_{{ amount }}_minor) - sum(credited_{{ amount }}_minor) as bigint) as {{ amount }}_minor{{ ',' if not loop.last }}
        {% endfor %}
    from documents
    group by cast(date_trunc('month', vat_date) as date), source, coalesce(vat_treatment, 'unknown'), currency
),

final as (
    select
        sums.*,
        {% for amount in amounts -%}
            {{ major_amount('sums.' ~ amount ~ '_minor', major_per_minor('currencies.exponent')) }} as {{ amount }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from sums
    left join currencies on sums.currency = currencies.currency
)

select * from final
