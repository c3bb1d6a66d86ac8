{#- Rulings: docs/decisions/discounts.md#discounts-4 -#}
{{ config(tags = ['finding']) }}
-- Fails if nothing but their names decides between two rules that compete for the same requests.
with competing as (
    select * from {{ ref('dim_discount_rules') }}
    where not stacks
)

select
    one.rule_id,
    one.config_line,
    other.rule_id as other_rule_id,
    other.config_line as other_config_line
from competing as one
inner join competing as other
    on
        one.rule_id < other.rule_id
        and one.precedence = other.precedence
        and one.valid_from = other.valid_from
        and one.min_month_list_usd is not distinct from other.min_month_list_usd
        {%- for column in discount_subject() %}
        and one.{{ column }} is not distinct from other.{{ column }}
        {%- endfor %}
