{#- Rulings: docs/decisions/discounts.md#discounts-4 -#}
{{ config(tags = ['finding']) }}
-- Fails if a rule was valid on days with usage and never applied: a misspelt key or workspace, or a rule that always loses.
-- A threshold may stay out of reach; what is odd is one for a workspace that has no usage.
with discount_rules as (
    select * from {{ ref('dim_discount_rules') }}
)

select
    rule_id,
    config_file,
    config_line
from discount_rules
where
    first_used_date is null
    and exists (
        select 1
        from {{ ref('int_usage_days') }} as days
        where
            days.event_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or days.event_date < discount_rules.valid_to)
    )
    and (
        min_month_list_usd is null
        or (
            workspace_id is not null
            and not exists (
                select 1
                from {{ ref('int_list_spend_daily') }} as spend
                where spend.workspace_id = discount_rules.workspace_id
            )
        )
    )
