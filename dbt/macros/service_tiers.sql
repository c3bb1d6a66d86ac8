{#- Rulings: docs/decisions/pricing.md -#}
{#- Service tiers: their names, and the tier requested, served and priced for a call. -#}

{#- Service tiers with their own catalogue prices; any other is priced as standard unless a contract names it. -#}
{% macro service_tiers() %}
    {{ return(['standard', 'batch', 'flex', 'priority', 'fast']) }}
{% endmacro %}

{#-
  One name per tier; null where the text names none. `auto` lets the provider choose, so the tier is unknown. Gemini's
  traffic types and Anthropic's request values are among the others' names.
-#}
{% macro service_tier_name(text) -%}
    case lower(trim({{ text }}))
        when '' then null
        when 'auto' then null
        {%- for name in ['default', 'on_demand', 'standard_only', 'unspecified', 'service_tier_unspecified'] %}
        when '{{ name }}' then 'standard'
        {%- endfor %}
        when 'on_demand_priority' then 'priority'
        when 'on_demand_flex' then 'flex'
        when 'batches' then 'batch'
        else case when regexp_full_match(trim({{ text }}), '[A-Za-z_]+') then lower(trim({{ text }})) end
    end
{%- endmacro %}

{#-
  The tier that served a call: the response's, else the one the gateway priced, else the requested one. `speed` is
  Anthropic's: `fast` is a tier whatever the tier beside it.
-#}
{% macro service_tier_served(reported, speeds = []) -%}
    coalesce(
        {%- for speed in speeds %}
        case when lower({{ speed }}) = 'fast' then 'fast' end,
        {%- endfor %}
        {%- for text in reported %}
        {{ service_tier_name(text) }},
        {%- endfor %}
        'standard'
    )
{%- endmacro %}
