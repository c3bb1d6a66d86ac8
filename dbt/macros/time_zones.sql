{#- The day it is in a zone at a moment of UTC. -#}
{% macro local_date(moment, time_zone) -%}
    cast(timezone({{ time_zone }}, timezone('UTC', {{ moment }})) as date)
{%- endmacro %}

{#- The zone whose days and months an invoice belongs to for VAT. -#}
{% macro vat_time_zone(stated) -%}
    coalesce({{ stated }}, 'Europe/London')
{%- endmacro %}
