{#-
  Days built by the workers of TOLLBOOK_WORKERS instead of here (dagster_project/dbt_runner/day_tasks.py). What a task runs is
  what would run here: the model's SQL, the same variables, the same held events. Which days are missing, and what is
  written into build state, stays with the materializations.

  Rulings: docs/decisions/workers.md#workers-3
-#}

{#- The name of what is built of some days together: of one day, its fingerprint. -#}
{% macro batch_name(days) -%}
    {{ return(days[0][1] if days | length == 1 else local_md5(days | map('join', '|') | join(','))) }}
{%- endmacro %}

{#-
  Have `days` built by workers, if there are any and the days have rows for more than one task. Returns none where nothing was
  built, else the batches of days, and by batch_name() the DuckDB files with their rows. With a `format`, the rows are files of
  the lake instead: lake/<model>/event_date=<day>/<batch>_<number>.parquet.
-#}
{% macro built_by_workers(sql, days, limit, margin_days = 0, format = '') %}
    {%- if not days or not env_var('TOLLBOOK_WORKERS', '') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set weights = [] -%}
    {%- for day in days -%}{%- do weights.append(day[2] | int) -%}{%- endfor -%}
    {%- set order = {'step': 'size', 'model': model.name, 'weights': weights, 'limit': limit} -%}
    {%- do adapter.store_relation('day_tasks', this, [], '', '', order) -%}
    {%- set batches = day_batches(days, order.task_rows) if order.task_rows else [] -%}
    {%- if batches | length < 2 -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set tasks = [] -%}
    {%- for batch in batches -%}
        {%- do tasks.append(task_of_days(sql, batch, margin_days)) -%}
    {%- endfor -%}
    {%- do reset_raw_variables() -%}
    {%- do adapter.commit() -%}
    {%- set kept_by_day = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'daily' -%}
        {%- do kept_by_day.append(node.name) -%}
    {%- endfor -%}
    {%- do order.update({
        'step': 'build', 'sql': sql, 'tasks': tasks, 'format': format, 'kept_by_day': kept_by_day, 'margin_days': margin_days,
    }) -%}
    {%- do adapter.store_relation('day_tasks', this, [], '', '', order) -%}
    {{ return({'batches': batches, 'rows_files': order.rows_files}) }}
{% endmacro %}

{#- One batch of days as plain data; the variables are those that are set while these days are built here. -#}
{% macro task_of_days(sql, days, margin_days) %}
    {%- do set_raw_variables(days, margin_days) -%}
    {%- set variables -%}
        select cast(to_json({
            first_day: cast(getvariable('first_day') as varchar),
            last_day: cast(getvariable('last_day') as varchar)
            {%- for table in raw_events_below(model) %},
            raw_{{ table }}: getvariable('raw_{{ table }}')
            {%- endfor %}
        }) as varchar)
    {%- endset -%}
    {%- set dates = [] -%}
    {%- for day in days -%}{%- do dates.append(day[0] | string) -%}{%- endfor -%}
    {{ return({
        'name': batch_name(days),
        'days': dates,
        'variables': fromjson(run_query(variables).columns[0].values()[0]),
        'setup': [held_usage_events(days), keep_join_order()] | select | list,
        'select': 'select * from (' ~ sql ~ ') where event_date in (' ~ date_list(days) ~ ')',
    }) }}
{% endmacro %}

{#- Attach the rows of a batch. -#}
{% macro attach_rows(made, days) -%}
    attach '{{ made.rows_files[batch_name(days)] | replace("'", "''") }}' as made_rows (read_only)
{%- endmacro %}

{#- Remove what workers made of this model; it is where it belongs. -#}
{% macro forget_tasks() %}
    {%- do adapter.store_relation('day_tasks', this, [], '', '', {'step': 'done', 'model': model.name}) -%}
{% endmacro %}
