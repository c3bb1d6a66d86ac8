{#- Rulings: docs/decisions/discounts.md#discounts-2 -#}
-- Fails if more than six rules apply to the same requests: their product could not be kept exact.
select * from {{ ref('int_usage_discounts') }}
where rule_count > 6
