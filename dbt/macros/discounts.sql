{#- Rulings: docs/decisions/discounts.md#discounts-2 -#}
{#- Columns that say what a discount rule applies to, as in config/discount_rules.csv; null means any. -#}
{% macro discount_subject() %}
    {{ return(['workspace_id', 'group_name', 'api_key_id', 'member_id', 'provider', 'model', 'call_type']) }}
{% endmacro %}

{#-
  The column of a usage event that a rule's column is compared with, null on days on which no rule names it: events that
  no rule distinguishes are one subject. `days` has a flag names_<column> per column.
-#}
{% macro discount_subject_of(column, events, days) -%}
    {%- set event_column = {'provider': 'price_provider', 'model': 'price_model'}.get(column, column) -%}
    case when {{ days }}.names_{{ column }} then {{ events }}.{{ event_column }} end
{%- endmacro %}

{#- Whether a row of int_usage_discounts is the one of an event. -#}
{% macro is_discount_subject(events, days, discounts) -%}
    {{ events }}.event_date = {{ discounts }}.event_date
    {%- for column in discount_subject() %}
    and {{ discount_subject_of(column, events, days) }} is not distinct from {{ discounts }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{#-
  Order of two rules: the higher precedence; then the one that names more columns; with as many, the narrower ones (a
  key before a member, a workspace, a group, a model, a provider, a call type), the longer model name and the higher
  threshold; then the one that started later, then its name.
-#}
{% macro discount_order() -%}
    precedence desc, named_columns desc, named_rank desc, model_length desc, threshold_usd desc, valid_from desc,
    discount_rule_id, rule_row_id
{%- endmacro %}
