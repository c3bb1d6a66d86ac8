{#- Rulings: docs/decisions/variance.md -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
),

days as (
    select
        ---------- grain
        event_date,
        source,
        coalesce(workspace_id, 'unattributed') as workspace_id,
        coalesce(api_key_id, 'unattributed') as api_key_id,
        model_served,
        variance_reason,

        ---------- labels
        max(api_key_name) as api_key_name,

        ---------- compared: both sides are known
        cast(sum({{ counted_requests() }}) as bigint) as requests,
        cast(sum(case when cost_variance_usd is not null then {{ counted_requests() }} else 0 end) as bigint) as compared_requests,
        cast(
            coalesce(sum(case when cost_variance_usd is not null then reported_cost_usd end), 0) as decimal(38, 12)
        ) as charged_usd,
        cast(coalesce(sum(reported_cost_usd - cost_variance_usd), 0) as decimal(38, 12)) as recomputed_usd,
        {% for cost in ['cost'] + variance_parts() -%}
            cast(coalesce(sum({{ cost }}_variance_usd), 0) as decimal(38, 12)) as {{ cost }}_variance_usd,
        {% endfor %}
        ---------- to be given back
        cast(coalesce({{ claim_usd() }}, 0) as decimal(38, 12)) as claim_usd,

        ---------- beside it: one side is unknown
        cast(
            coalesce(sum(cache_optimized_cost_usd), 0) - coalesce(sum(reported_cost_usd - cost_variance_usd), 0) as decimal(38, 12)
        ) as unreported_cost_usd,
        cast(
            coalesce(sum(case when cost_variance_usd is null then reported_cost_usd end), 0) as decimal(38, 12)
        ) as unpriced_charge_usd
    from usage_costs
    group by
        event_date, source, coalesce(workspace_id, 'unattributed'), coalesce(api_key_id, 'unattributed'), model_served,
        variance_reason
)

select * from days
