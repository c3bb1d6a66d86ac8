{#-
  view: one step of a day's pipeline that anyone can select from, in one statement instead of dbt's five.

  The days it shows are decided when it is read, by raw_events() and by relations kept by day. Its comment is the hash
  of its code, and of that of the views below it, for models that are rebuilt when code changed.
-#}
{% materialization view, adapter = 'duckdb' %}
    {%- set target_relation = this.incorporate(type = 'view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set fingerprint = code_fingerprint(sql) -%}
    {%- set file_variables = file_variables_below(model) -%}
    {{ run_hooks(pre_hooks, inside_transaction = False) }}
    {{ run_hooks(pre_hooks, inside_transaction = True) }}
    {%- call statement('main') -%}
        {% if existing_relation is not none and existing_relation.type != 'view' %}drop {{ existing_relation.type }} {{ existing_relation }};{% endif %}
        {#- A view is bound when it is created: to empty files, which is fast. -#}
        {%- for variable, empty in file_variables.items() %}
        set variable {{ variable }} = [{{ empty }}];
        {%- endfor %}
        create or replace view {{ target_relation }} as
        {{ sql }};
        comment on view {{ target_relation }} is '{{ fingerprint }}';
        {%- for variable in file_variables %}
        reset variable {{ variable }};
        {%- endfor %}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction = True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction = False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
