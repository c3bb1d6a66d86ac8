{#-
  Fields on which copies of one call must agree: the value of a copy (`said`, a struct over the columns of
  int_usage_repeated_events), and when two copies contradict each other. A value missing from a copy is null and
  contradicts nothing.

  Rulings: docs/decisions/copies.md
-#}
{% macro copy_fields() %}
    {{ return({
        'model': 'model_served',
        'input_tokens': "case when usage_source != 'missing' then input_tokens end",
        'output_tokens': "case when usage_source != 'missing' then output_tokens end",
        'cache_read_tokens': "case when usage_source != 'missing' and cache_told != 'nothing' then cache_read_tokens end",
        'credits_used': 'credits_used',
        'quota_used': 'quota_used',
        'reported_cost_usd': 'case when credits_used is null and quota_used is null then reported_cost_usd end',
    }) }}
{% endmacro %}

{#- The condition that two copies contradict each other in a field. -#}
{% macro copies_differ(field, said, kept) -%}
    {%- if field == 'model' -%}
        ({{ said }}.is_response or {{ kept }}.is_response or {{ said }}.stream_rank = {{ kept }}.stream_rank)
        and {{ model_without_date(said ~ '.model') }} != {{ model_without_date(kept ~ '.model') }}
    {%- elif field == 'reported_cost_usd' -%}
        abs({{ said }}.reported_cost_usd - {{ kept }}.reported_cost_usd) * 2
        > greatest({{ last_place_usd(said ~ '.reported_cost_usd') }}, {{ last_place_usd(kept ~ '.reported_cost_usd') }})
    {%- else -%}
        {{ said }}.{{ field }} != {{ kept }}.{{ field }}
    {%- endif -%}
{%- endmacro %}

{#- The name of a model without its provider and the date of its version: gpt-4o for openai/gpt-4o-2024-08-06. -#}
{% macro model_without_date(model) -%}
    nullif(
        regexp_replace(regexp_replace(lower({{ model }}), '^.*/', ''), '[-@]20[0-9]{2}-?[0-9]{2}-?[0-9]{2}$', ''), ''
    )
{%- endmacro %}

{#- The value of the last written digit of an amount, at most a hundredth of a cent, because exports round. -#}
{% macro last_place_usd(usd) -%}
    case
        {%- for places in [4, 5, 6, 7, 8, 9, 10, 11] %}
        when {{ usd }} != 0 and round({{ usd }}, {{ places }}) = {{ usd }}
            then cast({{ '0.' ~ '0' * (places - 1) ~ '1' }} as decimal(18, 12))
        {%- endfor %}
        else cast(0 as decimal(18, 12))
    end
{%- endmacro %}
