-- FOCUS: these columns of Cost and Usage MUST NOT be null.
-- noqa: disable=capitalisation.identifiers
{%- set columns = [
    'BilledCost', 'BillingAccountId', 'BillingCurrency', 'BillingPeriodStart', 'BillingPeriodEnd', 'ChargeCategory',
    'ChargeFrequency', 'ChargePeriodStart', 'ChargePeriodEnd', 'ContractedCost', 'EffectiveCost', 'HostProviderName',
    'InvoiceIssuerName', 'ListCost', 'PricingCurrency', 'ProviderName', 'PublisherName', 'ServiceCategory',
    'ServiceName', 'ServiceProviderName', 'x_ChargeRowId',
] %}
with charges as (
    select * from {{ ref('focus_cost_and_usage') }}
)

select x_ChargeRowId
from charges
where
    {% for column in columns -%}
        {{ 'or ' if not loop.first }}{{ column }} is null
    {% endfor %}
