{#- Rulings: docs/decisions/usage.md#usage-2 -#}
{%- set exports = ['stg_new_api__item_events', 'stg_new_api__console_events'] -%}

{% for export in exports -%}
    select
        {{ usage_event_columns() | join(',\n        ') }}
    from {{ ref(export) }}
    {{ 'union all' if not loop.last }}
{% endfor %}
