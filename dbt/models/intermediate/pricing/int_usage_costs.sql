with explained as (
    select * from {{ ref('int_usage_events_explained') }}
),

usage_costs as (
    select
        ---------- ids
        event_id,
        source,
        request_id,
        workspace_id,
        api_key_id,
        api_key_name,
        member_id,
        origin,
        group_name,

        ---------- time
        occurred_at,
        event_date,
        time_basis,

        ---------- call
        event_type,
        call_type,
        request_path,
        status,
        http_status,
        error_code,
        is_stream,
        duration_ms,
        ttft_ms,
        gateway_overhead_ms,
        fallback_depth,

        ---------- model
        provider,
        model_requested,
        model_served,
        catalogue_provider || '/' || catalogue_model as priced_model,

        ---------- tokens
        {{ token_columns(token_classes()) | join(',\n        ') }},
        input_tokens,
        output_tokens,
        input_tokens + output_tokens as total_tokens,
        web_searches,
        usage_source,
        usage_reading,

        ---------- price
        billing_mode,
        price_source,
        price_version,
        matched_by as price_match,
        service_tier,
        service_tier_requested,
        case when price_source in ('catalogue', 'override') then price_variant end as service_tier_priced,
        {% for class in token_classes() -%}
            {{ class['class'] }}_usd_per_mtok,
        {% endfor -%}
        web_searches_usd_per_mtok,
        unpriced_reason,

        ---------- discount
        discount_rule_id,
        cast(discount_factor as decimal(9, 6)) as discount_factor,

        ---------- the three tiers
        cast(list_cost_usd as decimal(18, 12)) as list_cost_usd,
        cast(discounted_cost_usd as decimal(18, 12)) as discounted_cost_usd,
        cast(cache_optimized_cost_usd as decimal(18, 12)) as cache_optimized_cost_usd,
        cast(cache_list_cost_usd as decimal(18, 12)) as cache_list_cost_usd,
        cast(list_cost_gateway_usd as decimal(18, 12)) as list_cost_gateway_usd,
        cast(list_cost_vendor_usd as decimal(18, 12)) as list_cost_vendor_usd,
        cast(markup_usd as decimal(18, 12)) as markup_usd,
        cast(service_tier_savings_usd as decimal(18, 12)) as service_tier_savings_usd,
        cast(list_cost_usd - discounted_cost_usd as decimal(18, 12)) as discount_savings_usd,
        cast(discounted_cost_usd - cache_optimized_cost_usd as decimal(18, 12)) as cache_savings_usd,

        ---------- what the gateway says
        reported_cost_usd,
        billing_source,
        cast(charged_cost_usd as decimal(18, 12)) as charged_cost_usd,
        cast(economic_cost_usd as decimal(18, 12)) as economic_cost_usd,
        credits_used,
        quota_used,
        expected_quota,
        rounding_unit_usd,
        cast(variance_usd as decimal(18, 12)) as cost_variance_usd,
        variance_reason,
        unknown_fields,
        quantity_variance_usd,
        rate_variance_usd,
        formula_variance_usd,
        rounding_variance_usd,
        timing_variance_usd,

        ---------- adjustments of closed days
        cast(null as varchar) as adjusts_event_id,
        cast(null as date) as adjusts_event_date,
        cast(null as varchar) as adjustment_kind,

        ---------- lineage
        raw_file,
        raw_line
    from explained
)

select * from usage_costs
