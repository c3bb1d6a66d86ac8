with priced as (
    select * from {{ ref('int_usage_events_priced') }}
),

compared as (
    select
        *,
        reported_cost_usd - cache_optimized_cost_usd as variance_usd,
        reported_cost_usd - cache_list_cost_usd as variance_without_discount_usd,
        reported_cost_usd - discounted_cost_usd as variance_without_cache_usd,
        reported_cost_usd - list_cost_usd as variance_without_both_usd,
        -- A gateway that counts in quota cannot charge less than one unit of it, two millionths of a dollar by default.
        case when quota_used is null then cast(0.00000001 as decimal(18, 12)) else cast(0.000002 as decimal(18, 12)) end
            as rounding_unit_usd
    from priced
),

-- What the gateway charged, held against what it should have: the first cause that explains the difference.
explained as (
    select
        *,
        case
            when status != 'success' and reported_cost_usd > 0 then 'failed_but_charged'
            when unpriced_reason is not null then 'unpriced'
            when reported_cost_usd is null and cache_optimized_cost_usd = 0 then 'match'
            when reported_cost_usd is null then 'missing_report'
            when variance_usd = 0 then 'match'
            when reported_cost_usd = 0 then 'gateway_unpriced'
            when abs(variance_usd) <= rounding_unit_usd then 'rounding'
            -- Credits are whole: a call may be charged up to one more than it is worth.
            when billing_mode = 'credits' and abs(variance_usd) * credits_used <= abs(reported_cost_usd) then 'rounding'
            when reported_total_tokens != input_tokens + output_tokens then 'token_mismatch'
            when abs(variance_without_discount_usd) <= rounding_unit_usd then 'discount_missing'
            when abs(variance_without_cache_usd) <= rounding_unit_usd then 'cache_priced_as_input'
            when abs(variance_without_both_usd) <= rounding_unit_usd then 'list_price_charged'
            when stated_input_usd_per_token * cast(1000000 as decimal(7, 0)) != input_usd_per_mtok then 'other_price_list'
            when stated_output_usd_per_token * cast(1000000 as decimal(7, 0)) != output_usd_per_mtok
                then 'other_price_list'
            else 'price_mismatch'
        end as variance_reason
    from compared
)

select * from explained
