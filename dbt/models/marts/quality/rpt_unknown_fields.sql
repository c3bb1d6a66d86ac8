{#- Rulings: docs/decisions/reading.md#reading-7 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select
        event_date,
        source,
        variance_reason,
        unknown_fields,
        request_id,
        cost_variance_usd,
        case when cost_variance_usd is null then reported_cost_usd end as unpriced_charge_usd,
        {{ counted_requests() }} as requests
    from {{ ref('fct_usage_costs') }}
),

named as (
    select
        * exclude (unknown_fields),
        unnest(string_split(unknown_fields, ',')) as field_name
    from usage_costs
    where unknown_fields is not null
),

reasons as (
    select
        event_date,
        source,
        variance_reason,
        cast(sum(requests) as bigint) as reason_requests
    from usage_costs
    group by event_date, source, variance_reason
),

fields as (
    select
        event_date,
        source,
        variance_reason,
        field_name,
        cast(sum(requests) as bigint) as requests,
        cast(coalesce(sum(cost_variance_usd), 0) as decimal(38, 12)) as cost_variance_usd,
        cast(coalesce(sum(unpriced_charge_usd), 0) as decimal(38, 12)) as unpriced_charge_usd,
        min(request_id) as example_request_id
    from named
    group by event_date, source, variance_reason, field_name
),

unknown_fields as (
    select
        ---------- grain
        fields.event_date,
        fields.source,
        fields.variance_reason,
        fields.field_name,

        ---------- how many of how many
        fields.requests,
        reasons.reason_requests,
        fields.variance_reason in ('{{ unexplained_reasons() | join("', '") }}') as is_unexplained,

        ---------- money
        fields.cost_variance_usd,
        fields.unpriced_charge_usd,

        ---------- where to look
        fields.example_request_id
    from fields
    inner join reasons
        on
            fields.event_date = reasons.event_date
            and fields.source = reasons.source
            and fields.variance_reason is not distinct from reasons.variance_reason
)

select * from unknown_fields
