{#-
  daily: a table whose days are rebuilt one by one, exactly when a day's inputs changed.

  config(materialized = 'daily', upstream = [first, …], margin_days = 0, keeps_content = false)
  The model selects all days and must have a column event_date; the first upstream says which days exist. Stale days are
  deleted together with their rows of day_builds in one transaction, then missing days are inserted in batches, each batch with
  its rows of day_builds in one transaction: a run killed between the two is completed by the next. With margin_days the
  raw rows of the days around are read as well. With keeps_content, what depends on the model sees the hash of a day's
  rows.
-#}
{% materialization daily, adapter = 'duckdb' %}
    {%- set target_relation = this.incorporate(type = 'table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set code_fingerprint = code_fingerprint(sql) -%}

    {%- do set_raw_variables([]) -%}
    {{ run_hooks(pre_hooks, inside_transaction = False) }}
    {{ run_hooks(pre_hooks, inside_transaction = True) }}

    {#- The columns follow from the code: they are looked at once, and the table's comment is the code they are of. -#}
    {%- if known_code(existing_relation) != checked_code(code_fingerprint) -%}
        {%- if config.get('contract').enforced -%}
            {%- do get_assert_columns_equivalent(sql) -%}
        {%- endif -%}
        {%- set columns = get_column_schema_from_query(sql) | map(attribute = 'name') | list -%}
        {#- Both column lists are queried the same way, because dbt lists a struct's fields in one case and the struct in
        another. -#}
        {%- set built_columns = [] -%}
        {%- if existing_relation is not none -%}
            {%- set built_columns = get_column_schema_from_query('select * from ' ~ existing_relation) | map(attribute = 'name') | list -%}
        {%- endif -%}
        {%- call statement('create') -%}
            {% if built_columns != columns -%}
                {% if existing_relation is not none %}drop {{ existing_relation.type }} {{ target_relation }};{% endif %}
                delete from {{ day_builds() }} where model = '{{ model.name }}';
                create table {{ target_relation }} as select * from ({{ sql }}) where false;
                {% for column in model.columns.values() if column.constraints | selectattr('type', 'equalto', 'not_null') | list -%}
                    alter table {{ target_relation }} alter column {{ column.name }} set not null;
                {% endfor %}
            {%- endif %}
            comment on table {{ target_relation }} is '{{ checked_code(code_fingerprint) }}'
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endif -%}

    {%- set missing_days = day_changes(model.name, config.require('upstream'), code_fingerprint) -%}
    {#- Delete rows of days that are not in day_builds. -#}
    {%- call statement('forget') -%}
        {{ forget_stale_days(model.name) }};
        delete from {{ target_relation }} where event_date not in (
            select event_date from {{ day_builds() }} where model = '{{ model.name }}'
        );
    {%- endcall -%}
    {%- do adapter.commit() -%}

    {%- set made = built_by_workers(sql, missing_days, 5000000, config.get('margin_days', 0)) -%}
    {%- for days in (made.batches if made else day_batches(missing_days, 5000000)) -%}
        {%- if made -%}
            {%- do run_query(attach_rows(made, days)) -%}
        {%- else -%}
            {%- do set_raw_variables(days, config.get('margin_days', 0)) -%}
            {%- do hold_usage_events(days) -%}
        {%- endif -%}
        {%- call statement('insert') -%}
            {{ keep_join_order() }};
            insert into {{ target_relation }} by name
            {% if made -%}
            from made_rows.rows;
            {%- else -%}
            select * from (
                {{ sql }}
            ) where event_date in ({{ date_list(days) }});
            {%- endif %}
            insert into {{ day_builds() }}
            select
                '{{ model.name }}', wanted_days.event_date, wanted_days.fingerprint,
                {{ "coalesce(built.content, '')" if config.get('keeps_content', false) else 'null' }}, null,
                coalesce(built.row_count, 0), '{{ invocation_id }}', null
            from wanted_days
            left join (
                select
                    event_date,
                    count(*) as row_count,
                    {{ 'cast(bit_xor(hash(built_rows)) as varchar)' if config.get('keeps_content', false) else 'null' }} as content
                from {{ target_relation }} as built_rows
                where event_date in ({{ date_list(days) }})
                group by event_date
            ) as built on wanted_days.event_date = built.event_date
            where wanted_days.event_date in ({{ date_list(days) }});
            {{ reset_join_order() }}
        {%- endcall -%}
        {%- do adapter.commit() -%}
        {%- if made -%}
            {%- do run_query('detach made_rows') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if made -%}
        {%- do forget_tasks() -%}
    {%- endif -%}

    {%- do reset_raw_variables() -%}
    {%- call noop_statement('main', 'DAYS ' ~ missing_days | length, rows_affected = missing_days | length) -%}{%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction = True) }}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction = False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
