{#- Settings of each source in sources.yml, one row each: stg_config__sources has a row per period of quota. -#}
{% macro source_settings(settings) -%}
    select
        source,
        {% for setting in settings -%}
            max({{ setting }}) as {{ setting }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('stg_config__sources') }}
    group by source
{%- endmacro %}
