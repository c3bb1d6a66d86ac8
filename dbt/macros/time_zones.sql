{#- Rulings: docs/decisions/credits.md#credits-5 -#}
{#- The day in a time zone at a UTC time. -#}
{% macro local_date(moment, time_zone) -%}
    cast(timezone({{ time_zone }}, timezone('UTC', {{ moment }})) as date)
{%- endmacro %}

{#- The first instant of a day in a zone, UTC. -#}
{% macro local_midnight(day, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, cast({{ day }} as timestamp)))
{%- endmacro %}

{#- The zone whose days and months a source bills by. -#}
{% macro billing_time_zone(stated) -%}
    coalesce({{ stated }}, 'UTC')
{%- endmacro %}

{#- The zone whose days and months an invoice belongs to for VAT. -#}
{% macro vat_time_zone(stated) -%}
    coalesce({{ stated }}, 'Europe/London')
{%- endmacro %}
