{#-
  The columns of a mart as its contract has them, in that order: [{name, dtype}]. For models that read files of its rows; none
  while dbt parses, and none in a dbt unit test, which knows of no other model.
-#}
{% macro contract_columns(model_name) %}
    {%- set found = [] -%}
    {%- for column in (graph.nodes or {}).get('model.' ~ project_name ~ '.' ~ model_name, {'columns': {}}).columns.values() -%}
        {%- do found.append({'name': column.name, 'dtype': column.data_type}) -%}
    {%- endfor -%}
    {%- if execute and not found -%}
        {%- do exceptions.raise_compiler_error('the columns of ' ~ model_name ~ ' are not known here; select +' ~ model_name) -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}
