{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-6 -#}
-- One row per invoice document, the gateway's or Stripe's, and whether its own numbers agree with each other. Tax may be
-- rounded per line or per invoice, so a minor unit per tax line is allowed; that is consistency, not tax law.

with invoices as (
    select * from {{ ref('int_invoices_payable') }}
),

stripe_invoices as (
    select * from {{ ref('stg_stripe__invoices') }}
),

stripe_invoice_links as (
    select * from {{ ref('int_stripe_invoice_links') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

-- An incomplete page of lines has no sum of lines.
itemized as (
    select
        stripe_invoice_id,
        case
            when json_extract_string(payload, '$.lines.has_more') = 'false'
                then cast(json_extract(payload, '$.lines.data[*].amount') as bigint[])
        end as line_amounts,
        coalesce(json_extract_string(payload, '$.total_taxes[*].taxability_reason'), []) as tax_reasons,
        coalesce(cast(json_extract(payload, '$.total_taxes[*].amount') as bigint[]), []) as tax_amounts,
        json_array_length(payload, '$.customer_tax_ids') as tax_id_count
    from stripe_invoices
),

tax_lines as (
    select
        stripe_invoice_id,
        unnest(tax_reasons) as tax_reason,
        unnest(tax_amounts) as tax_minor
    from itemized
),

taxed_in_reverse as (
    select distinct stripe_invoice_id
    from tax_lines
    where tax_reason = 'reverse_charge' and tax_minor <> 0
),

documents as (
    select
        stripe_invoices.*,
        stripe_invoice_links.invoice_id,
        list_sum(itemized.line_amounts) as lines_minor,
        taxed_in_reverse.stripe_invoice_id is not null as is_reverse_charge_taxed,
        itemized.tax_id_count
    from stripe_invoices
    inner join itemized on stripe_invoices.stripe_invoice_id = itemized.stripe_invoice_id
    left join taxed_in_reverse on stripe_invoices.stripe_invoice_id = taxed_in_reverse.stripe_invoice_id
    left join stripe_invoice_links
        on stripe_invoices.stripe_invoice_id = stripe_invoice_links.stripe_invoice_id and stripe_invoice_links.is_owner
),

documents_of_invoices as (
    select
        invoice_id,
        currency,
        min(total_minor) as lowest_total_minor,
        max(total_minor) as highest_total_minor,
        max(coalesce(tax_line_count, 1)) as tax_line_count,
        max(tax_id_count) as tax_id_count
    from documents
    where invoice_id is not null and stripe_invoice_status in ('open', 'paid')
    group by invoice_id, currency
),

gateway_facts as (
    select
        invoices.*,
        settings.standard_vat_ratio,
        greatest(coalesce(documents_of_invoices.tax_line_count, 1), 1) as allowed_minor,
        documents_of_invoices.lowest_total_minor,
        documents_of_invoices.highest_total_minor,
        documents_of_invoices.tax_id_count,
        cast(round(cast(invoices.net_minor as decimal(19, 0)) * invoices.vat_ratio, 0) as bigint) as expected_vat_minor
    from invoices
    cross join settings
    left join documents_of_invoices
        on
            invoices.invoice_id = documents_of_invoices.invoice_id
            and invoices.currency = documents_of_invoices.currency
),

gateway_documents as (
    select
        concat('inv:', invoice_id) as document_id,
        'gateway' as document_kind,
        invoice_id,
        stripe_invoice_id,
        workspace_id,
        currency,
        issued_at,
        net_minor,
        vat_minor as tax_minor,
        expected_vat_minor as expected_tax_minor,
        total_minor,
        vat_treatment,
        vat_ratio,
        concat_ws(
            ',',
            case when net_minor + vat_minor <> total_minor then 'total_is_not_net_plus_tax' end,
            case when abs(vat_minor - expected_vat_minor) > allowed_minor then 'tax_is_not_rate_times_net' end,
            case
                when vat_treatment = 'standard' and vat_ratio <> standard_vat_ratio then 'rate_is_not_the_standard_rate'
            end,
            case when vat_treatment = 'reverse_charge' and vat_minor <> 0 then 'reverse_charge_with_tax' end,
            case when vat_treatment in ('exempt', 'outside_scope') and vat_minor <> 0 then 'untaxed_with_tax' end,
            case
                when lowest_total_minor <> total_minor or highest_total_minor <> total_minor then 'total_differs_from_stripe'
            end
        ) as faults,
        concat_ws(
            ',',
            case when vat_treatment is null then 'treatment_missing' end,
            case
                when vat_treatment not in ('standard', 'reverse_charge', 'exempt', 'outside_scope') then 'treatment_unknown'
            end,
            case when vat_treatment = 'standard' and vat_ratio is null then 'rate_missing' end,
            case when vat_treatment = 'reverse_charge' and tax_id_count = 0 then 'tax_id_missing' end
        ) as warnings
    from gateway_facts
),

stripe_documents as (
    select
        concat('in:', stripe_invoice_id) as document_id,
        'stripe' as document_kind,
        invoice_id,
        stripe_invoice_id,
        metadata_workspace_id as workspace_id,
        currency,
        created_at as issued_at,
        net_minor,
        tax_minor,
        cast(null as bigint) as expected_tax_minor,
        total_minor,
        cast(null as varchar) as vat_treatment,
        cast(null as decimal(9, 6)) as vat_ratio,
        concat_ws(
            ',',
            case when lines_minor <> subtotal_minor then 'lines_are_not_the_subtotal' end,
            case when net_minor + coalesce(tax_minor, 0) <> total_minor then 'total_is_not_net_plus_tax' end,
            case
                when
                    stripe_invoice_status in ('open', 'paid')
                    and total_minor - pre_payment_credit_minor - (ending_balance_minor - starting_balance_minor)
                    <> amount_due_minor
                    then 'amount_due_is_not_total_less_credits'
            end,
            case
                when amount_due_minor <> amount_paid_minor + amount_remaining_minor - amount_overpaid_minor
                    then 'amount_due_is_not_paid_plus_remaining'
            end,
            case when is_reverse_charge_taxed then 'reverse_charge_with_tax' end
        ) as faults,
        '' as warnings
    from documents
),

judged as (
    select * from gateway_documents
    union all
    select * from stripe_documents
),

final as (
    select
        ---------- ids
        judged.document_id,
        judged.document_kind,
        judged.invoice_id,
        judged.stripe_invoice_id,
        judged.workspace_id,

        ---------- verdict
        case
            when judged.faults <> '' then 'inconsistent'
            when judged.warnings <> '' then 'warning'
            else 'consistent'
        end as status,
        nullif(concat_ws(',', nullif(judged.faults, ''), nullif(judged.warnings, '')), '') as reasons,

        ---------- the numbers
        judged.currency,
        judged.net_minor,
        judged.tax_minor,
        judged.expected_tax_minor,
        judged.total_minor,
        {{ major_amount('judged.total_minor', major_per_minor('currencies.exponent')) }} as total_amount,
        judged.vat_treatment,
        judged.vat_ratio,
        judged.issued_at
    from judged
    left join currencies on judged.currency = currencies.currency
)

select * from final
