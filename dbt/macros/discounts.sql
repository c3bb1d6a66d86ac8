{#- What a discount rule can be for. The columns are those of config/discount_rules.csv; null means any. -#}
{% macro discount_subject() %}
    {{ return(['workspace_id', 'group_name', 'api_key_id', 'member_id', 'provider', 'model', 'call_type']) }}
{% endmacro %}
