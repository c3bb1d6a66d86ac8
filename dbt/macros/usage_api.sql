{#- A model as its provider calls it, without the provider that gateways put before it and without the date of a snapshot. -#}
{% macro provider_model(model) -%}
    regexp_replace(substr({{ model }}, strpos({{ model }}, '/') + 1), '-([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})$', '')
{%- endmacro %}
