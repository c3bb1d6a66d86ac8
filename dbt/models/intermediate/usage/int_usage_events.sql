{%- set dialects = ['infron', 'litellm', 'new_api', 'infery', 'openrouter'] -%}

{% for dialect in dialects -%}
    select
        {{ usage_event_columns() | join(',\n        ') }}
    from {{ ref('stg_' ~ dialect ~ '__usage_events') }}
    {{ 'union all' if not loop.last }}
{% endfor %}
