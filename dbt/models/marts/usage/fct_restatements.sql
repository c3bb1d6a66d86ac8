{#- Rulings: docs/decisions/closing.md#closing-5 -#}
-- depends_on: {{ ref('fct_usage_costs') }}
with records as (
    select * from {{ restatement_records() }}
),

restatements as (
    select
        restatement_id,
        restated_at,
        event_date,
        cause,
        reason,
        cast(before_requests as bigint) as before_requests,
        cast(before_unpriced_requests as bigint) as before_unpriced_requests,
        cast(before_list_cost_usd as decimal(38, 12)) as before_list_cost_usd,
        cast(before_discounted_cost_usd as decimal(38, 12)) as before_discounted_cost_usd,
        cast(before_cache_optimized_cost_usd as decimal(38, 12)) as before_cache_optimized_cost_usd,
        cast(after_requests as bigint) as after_requests,
        cast(after_unpriced_requests as bigint) as after_unpriced_requests,
        cast(after_list_cost_usd as decimal(38, 12)) as after_list_cost_usd,
        cast(after_discounted_cost_usd as decimal(38, 12)) as after_discounted_cost_usd,
        cast(after_cache_optimized_cost_usd as decimal(38, 12)) as after_cache_optimized_cost_usd,
        before_file,
        after_file
    from records
)

select * from restatements
