{%- set connectors = ['infron', 'litellm', 'new_api', 'infery', 'openrouter'] -%}

{% for connector in connectors -%}
    select
        {{ usage_event_columns() | join(',\n        ') }}
    from {{ ref('stg_' ~ connector ~ '__usage_events') }}
    {{ 'union all' if not loop.last }}
{% endfor %}
