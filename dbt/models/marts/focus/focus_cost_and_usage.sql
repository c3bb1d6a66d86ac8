{#- Rulings: docs/decisions/reports.md#reports-7 -#}
{{ config(materialized = 'view') }}
-- FOCUS spells its columns so.
-- noqa: disable=capitalisation.identifiers

with usage_charges as (
    select
        *,
        -- Usage drawn from credits or a wallet was billed when these were bought.
        billing_mode in ('credits', 'ratio', 'per_call', 'tiered_expr') or credits_used is not null as is_prepaid,
        cast(event_date as timestamp) as charge_start_at,
        cast(date_trunc('month', event_date) as timestamp) as month_start_at
    from {{ ref('int_focus_usage_daily') }}
),

invoice_lines as (
    select * from {{ ref('int_focus_invoice_lines') }}
    where amount != 0
),

usage_rows as (
    select
        concat('usage:', charge_id, ':', coalesce(sku_meter, 'none')) as charge_row_id,
        'Usage' as charge_category,
        case when is_correction then 'Correction' end as charge_class,
        concat(coalesce(model_served, 'unknown model'), ', ', coalesce(sku_meter, 'charges without a token meter'))
            as charge_description,
        'Usage-Based' as charge_frequency,
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        api_key_id,
        api_key_name,
        provider,
        'USD' as billing_currency,
        month_start_at,
        charge_start_at,
        charge_start_at + interval 1 day as charge_end_at,
        case when is_prepaid then 0 else contracted_cost_usd end as billed_cost,
        contracted_cost_usd as effective_cost,
        list_cost_usd as list_cost,
        contracted_cost_usd as contracted_cost,
        list_usd_per_mtok as list_unit_price,
        cast(list_usd_per_mtok * discount_factor as decimal(38, 24)) as contracted_unit_price,
        tokens,
        case sku_meter when 'Web Searches' then 'Searches' else 'Tokens' end as unit,
        case when sku_meter is not null then coalesce(model_served, 'unknown model') end as sku_id,
        sku_meter,
        case
            when sku_meter is not null
                then concat_ws('/', coalesce(priced_model, model_served), sku_meter, price_version, service_tier)
        end as sku_price_id,
        cast(null as varchar) as invoice_id,
        cast(null as varchar) as invoice_detail_id,
        call_type,
        group_name,
        requests,
        cache_savings_usd,
        uncached_list_cost_usd,
        reported_cost_usd,
        credits_used
    from usage_charges
),

purchase_rows as (
    select
        concat('invoice:', invoice_detail_id) as charge_row_id,
        charge_category,
        cast(null as varchar) as charge_class,
        description as charge_description,
        case invoice_kind when 'renewal' then 'Recurring' else 'One-Time' end as charge_frequency,
        source,
        workspace_id,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as api_key_name,
        cast(null as varchar) as provider,
        billing_currency,
        month_start_at,
        charge_start_at,
        charge_end_at,
        amount as billed_cost,
        -- A prepaid purchase takes effect as usage; its tax does when it is billed.
        case charge_category when 'Purchase' then 0 else amount end as effective_cost,
        amount as list_cost,
        amount as contracted_cost,
        cast(null as decimal(24, 18)) as list_unit_price,
        cast(null as decimal(38, 24)) as contracted_unit_price,
        cast(null as bigint) as tokens,
        cast(null as varchar) as unit,
        cast(null as varchar) as sku_id,
        cast(null as varchar) as sku_meter,
        cast(null as varchar) as sku_price_id,
        invoice_id,
        invoice_detail_id,
        cast(null as varchar) as call_type,
        cast(null as varchar) as group_name,
        cast(null as bigint) as requests,
        cast(null as decimal(38, 12)) as cache_savings_usd,
        cast(null as decimal(38, 12)) as uncached_list_cost_usd,
        cast(null as decimal(38, 12)) as reported_cost_usd,
        cast(null as bigint) as credits_used
    from invoice_lines
),

charges as (
    select * from usage_rows
    union all
    select * from purchase_rows
),

focus_columns as (
    select
        cast(billed_cost as decimal(38, 12)) as BilledCost,
        workspace_id as BillingAccountId,
        workspace_id as BillingAccountName,
        'Workspace' as BillingAccountType,
        billing_currency as BillingCurrency,
        month_start_at + interval 1 month as BillingPeriodEnd,
        month_start_at as BillingPeriodStart,
        charge_category as ChargeCategory,
        charge_class as ChargeClass,
        charge_description as ChargeDescription,
        charge_frequency as ChargeFrequency,
        charge_end_at as ChargePeriodEnd,
        charge_start_at as ChargePeriodStart,
        case when sku_price_id is not null then cast(tokens as decimal(38, 6)) end as ConsumedQuantity,
        case when sku_price_id is not null then unit end as ConsumedUnit,
        cast(contracted_cost as decimal(38, 12)) as ContractedCost,
        contracted_unit_price as ContractedUnitPrice,
        cast(effective_cost as decimal(38, 12)) as EffectiveCost,
        coalesce(nullif(provider, ''), source) as HostProviderName,
        invoice_detail_id as InvoiceDetailId,
        invoice_id as InvoiceId,
        source as InvoiceIssuerName,
        cast(list_cost as decimal(38, 12)) as ListCost,
        list_unit_price as ListUnitPrice,
        case when charge_category = 'Usage' then 'Standard' end as PricingCategory,
        billing_currency as PricingCurrency,
        case when sku_price_id is not null then cast(tokens * cast(0.000001 as decimal(7, 6)) as decimal(38, 6)) end
            as PricingQuantity,
        case when sku_price_id is not null then concat('1000000 ', unit) end as PricingUnit,
        source as ProviderName,
        coalesce(nullif(provider, ''), source) as PublisherName,
        'AI and Machine Learning' as ServiceCategory,
        source as ServiceName,
        source as ServiceProviderName,
        'Generative AI' as ServiceSubcategory,
        sku_id as SkuId,
        sku_meter as SkuMeter,
        sku_price_id as SkuPriceId,
        api_key_id as SubAccountId,
        coalesce(api_key_name, api_key_id) as SubAccountName,
        case when api_key_id is not null then 'API key' end as SubAccountType,
        charge_row_id as x_ChargeRowId,
        call_type as x_CallType,
        group_name as x_GroupName,
        requests as x_Requests,
        credits_used as x_CreditsUsed,
        cache_savings_usd as x_CacheSavings,
        uncached_list_cost_usd as x_UncachedListCost,
        reported_cost_usd as x_ReportedCost
    from charges
)

select * from focus_columns
