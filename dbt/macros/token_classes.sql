{#-
  Everything with its own price: the token classes of dbt_project.yml, the calls themselves and the provider's searches.
  Every model that prices, adds up or shows usage loops over these.

  Rulings: docs/decisions/pricing.md
-#}

{#- The classes whose entries have these values, in the order of a bill: token_classes(side = 'input', cached = 'read'). -#}
{% macro token_classes() %}
    {%- set found = [] -%}
    {%- for class in var('token_classes') -%}
        {%- set other = namespace(any = false) -%}
        {%- for key, value in kwargs.items() if class.get(key) != value -%}{%- set other.any = true -%}{%- endfor -%}
        {%- if not other.any -%}{%- do found.append(class) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- Classes a catalogue prices, and the column of an event that counts them. -#}
{% macro class_tokens() -%}
    {%- set counted = {} -%}
    {%- for class in token_classes() -%}{%- do counted.update({class['class']: class.tokens}) -%}{%- endfor -%}
    {%- do counted.update(tokenless_classes()) -%}
    {{ return(counted) }}
{%- endmacro %}

{#- Priced but not tokens: every call once, and the provider's searches. -#}
{% macro tokenless_classes() -%}
    {{ return({'requests': '1', 'web_searches': 'web_searches'}) }}
{%- endmacro %}

{#- The names of the classes a model has unit prices for. -#}
{% macro priced_classes() %}
    {{ return(class_tokens().keys() | list) }}
{% endmacro %}

{#- The names by which New-API's price formulas count the classes. -#}
{% macro formula_names() %}
    {%- set names = [] -%}
    {%- for class in token_classes() -%}
        {%- for name in class.formula if name not in names -%}{%- do names.append(name) -%}{%- endfor -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}

{#- The columns that count the classes. -#}
{% macro token_columns(classes) %}
    {{ return(classes | map(attribute = 'tokens') | list) }}
{% endmacro %}

{#- Classes of other content than text; most calls have none. -#}
{% macro media_classes() %}
    {{ return(token_classes() | rejectattr('modality', 'equalto', 'text') | list) }}
{% endmacro %}

{#- Classes known only from copies that split their totals: all but plain text. -#}
{% macro split_classes() %}
    {{ return(token_classes() | rejectattr('class', 'in', ['input', 'output']) | list) }}
{% endmacro %}

{#- Tokens of these classes together. Days of a closed month may be older than a column: null there. -#}
{% macro token_sum(classes) -%}
    {%- for tokens in token_columns(classes) %}{{ ' + ' if not loop.first }}coalesce({{ tokens }}, 0){% endfor -%}
{%- endmacro %}

{#- Prompt tokens of every modality that the provider's cache served. -#}
{% macro cached_input_tokens() -%}
    {{ token_sum(token_classes(cached = 'read')) }}
{%- endmacro %}

{#- Prompt tokens of every modality, the base of the cache hit rate. -#}
{% macro cacheable_input_tokens() -%}
    {{ token_sum(token_classes(side = 'input')) }}
{%- endmacro %}
