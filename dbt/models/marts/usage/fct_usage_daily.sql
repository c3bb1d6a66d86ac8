{#- Rulings: docs/decisions/closing.md#closing-4, docs/decisions/reports.md#reports-1, docs/decisions/usage-apis.md#usage-apis-4 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

with usage_costs as (
    select * from {{ ref('fct_usage_costs') }}
),

billing_days as (
    select * from {{ ref('int_billing_days') }}
),

-- A source that bills by UTC days has no billing days of its own.
dated as (
    select
        usage_costs.*,
        coalesce(usage_costs.adjusts_event_date, usage_costs.event_date) as usage_date,
        case
            when billing_days.source is null then usage_costs.event_date
            when usage_costs.occurred_at < billing_days.next_billing_date_at then billing_days.first_billing_date
            else billing_days.next_billing_date
        end as billing_date
    from usage_costs
    left join billing_days
        on usage_costs.source = billing_days.source and usage_costs.event_date = billing_days.event_date
),

daily as (
    select
        ---------- grain
        event_date,
        usage_date,
        billing_date,
        source,
        workspace_id,
        api_key_id,
        member_id,
        group_name,
        provider,
        model_requested,
        model_served,
        call_type,
        status,
        origin,

        ---------- labels
        {{ latest_spelling('api_key_name', 'occurred_at') }} as api_key_name,
        max(nullif(priced_model, '/')) as priced_model,
        max(price_match) as price_match,

        ---------- time: an adjustment is dated when found, without a call
        min(case when adjusts_event_id is null then occurred_at end) as first_seen_at,
        max(case when adjusts_event_id is null then occurred_at end) as last_seen_at,

        ---------- counts
        cast(sum({{ counted_requests() }}) as bigint) as requests,
        cast(sum(case when unpriced_reason is not null then 1 else 0 end) as bigint) as unpriced_requests,
        cast(sum(case when {{ cached_input_tokens() }} != 0 then {{ counted_requests() }} else 0 end) as bigint) as cache_read_requests,
        {% for tokens in usage_token_columns() -%}
            cast(coalesce(sum({{ tokens }}), 0) as bigint) as {{ tokens }},
        {% endfor %}
        ---------- money
        {% for cost in usage_cost_columns() -%}
            cast(coalesce(sum({{ cost }}), 0) as decimal(38, 12)) as {{ cost }},
        {% endfor -%}
        cast(coalesce(sum(cache_list_cost_usd), 0) as decimal(38, 12)) as cache_list_cost_usd,
        cast(coalesce(sum(credits_used), 0) as bigint) as credits_used
    from dated
    group by
        event_date, usage_date, billing_date, source, workspace_id, api_key_id, member_id, group_name, provider,
        model_requested, model_served, call_type, status, origin
)

select * from daily
