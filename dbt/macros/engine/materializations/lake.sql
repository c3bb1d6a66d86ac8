{#-
  lake: a model with one row per request, written once, as Parquet, a day replaced by a new file.

  config(materialized = 'lake', upstream = [first, …], history = {})
  Files are lake/<model>/event_date=<day>/<name>.parquet and are never changed; day_builds names the one that counts, so a
  file left by a run that died is nobody's. The model itself is a view over exactly the files of day_builds; while days
  are built from it, it shows those days. With history, days of closed months keep the files they were closed with
  (macros/engine/closed_days.sql), and of any other day that is replaced the old file is kept and compared with the new one
  (macros/engine/restatements.sql): one model has it, the requests themselves. `history` names the views that say what is
  booked and recorded then; they decide nothing of what a day is, so their code is no part of its fingerprint:
  adjustments, rows of the model that correct closed days; restated_requests, what differs between the old and the new file of
  a day; restated_days, the record of these days.

  Rulings: docs/decisions/days.md#days-4, docs/decisions/closing.md#closing-6
-#}
{% materialization lake, adapter = 'duckdb' %}
    {%- set target_relation = this.incorporate(type = 'view') -%}
    {%- set folder = home_path('lake/' ~ model.name) | replace("'", "''") -%}
    {%- set code_fingerprint = code_fingerprint(sql) -%}

    {%- do set_raw_variables([]) -%}
    {%- if config.get('contract').enforced and known_code(load_cached_relation(this)) != checked_code(code_fingerprint) -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction = False) }}
    {{ run_hooks(pre_hooks, inside_transaction = True) }}

    {%- do want_days(config.require('upstream'), code_fingerprint) -%}
    {%- set history = config.get('history', {}) -%}
    {%- set months = closed_months() if history else [] -%}
    {%- set columns = get_column_schema_from_query(sql) if months else [] -%}
    {%- if months -%}
        {%- do keep_closed_days(model.name, history.adjustments, months) -%}
    {%- endif -%}
    {%- set missing_days = missing_days(model.name) -%}
    {%- set has_replaced = history and has_replaced_days(model.name) -%}
    {%- call statement('forget') -%}
        {% if has_replaced %}{{ remember_replaced_days(model.name, config.require('upstream')) }};{% endif %}
        {{ forget_stale_days(model.name) }}
    {%- endcall -%}
    {%- do adapter.commit() -%}

    {%- set made = built_by_workers(sql, missing_days, 2000000, format = lake_format()) -%}
    {%- for days in (made.batches if made else day_batches(missing_days, 2000000)) -%}
        {%- set batch = batch_name(days) -%}
        {%- if not made -%}
            {%- do copy_days(sql, days, batch, folder) -%}
        {%- endif -%}
        {#- Partitions make no file where no day has a row: a gateway that tells no latencies has none. -#}
        {%- set written_files = lake_files(model.name ~ '/event_date=*/' ~ batch ~ '_*.parquet') -%}
        {%- call statement('commit_days') -%}
            insert into {{ day_builds() }}
            select
                '{{ model.name }}', wanted_days.event_date, wanted_days.fingerprint, null, written.file,
                coalesce(written.row_count, 0), '{{ invocation_id }}', wanted_days.parts
            from wanted_days
            left join {{ days_of_files(model.name, written_files) }} as written on wanted_days.event_date = written.event_date
            where
                wanted_days.event_date in ({{ date_list(days) }})
                and not exists (
                    select 1
                    from {{ day_builds() }} as built
                    where
                        built.model = '{{ model.name }}'
                        and built.event_date = wanted_days.event_date
                        and built.fingerprint = wanted_days.fingerprint
                )
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endfor -%}
    {%- if made -%}
        {%- do forget_tasks() -%}
    {%- endif -%}

    {%- do reset_raw_variables() -%}
    {%- if has_replaced -%}
        {%- do write_restatements(history) -%}
    {%- endif -%}

    {%- set files = run_query("select file from " ~ day_builds() ~ " where model = '" ~ model.name ~ "' and file is not null order by file").rows -%}
    {%- call statement('main') -%}
        {%- if months -%}
            {#- Closed files may be older than the model. -#}
            {%- set paths = [] -%}
            {%- for row in files -%}{%- do paths.append(home_path('lake/' ~ row[0])) -%}{%- endfor -%}
            create or replace view {{ target_relation }} as
            select * from {{ rows_of_files(paths, columns) }} where {{ is_day_shown() }}
        {%- elif files -%}
            create or replace view {{ target_relation }} as
            select * from read_parquet(
                [{% for row in files %}'{{ home_path("lake/" ~ row[0]) | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}],
                hive_partitioning = true, hive_types = {event_date: date}
            )
            where {{ is_day_shown() }}
        {%- else -%}
            copy (select * from ({{ sql }}) where false) to '{{ home_path("lake/.empty-" ~ model.name ~ ".parquet") | replace("'", "''") }}' (format parquet);
            create or replace view {{ target_relation }} as
            select * from read_parquet('{{ home_path("lake/.empty-" ~ model.name ~ ".parquet") | replace("'", "''") }}')
        {%- endif -%}
        ;
        comment on view {{ target_relation }} is '{{ checked_code(code_fingerprint) }}'
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction = True) }}
    {{ run_hooks(post_hooks, inside_transaction = False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Copy the rows of some days into files of theirs: <folder>/event_date=<day>/<batch>_<number>.parquet. -#}
{% macro copy_days(sql, days, batch, folder) %}
    {%- do set_raw_variables(days) -%}
    {%- do hold_usage_events(days) -%}
    {%- set files -%}
        select * from (
            {{ sql }}
        ) where event_date in ({{ date_list(days) }})
    {%- endset -%}
    {%- call statement('copy') -%}
        {{ keep_join_order() }};
        {% if days | length == 1 -%}
            -- DuckDB makes folders only for partitions; no reader takes files whose name begins with a dot.
            copy (select date '{{ days[0][0] }}' as event_date, 0 as seed) to '{{ folder }}' (
                format parquet, partition_by (event_date), filename_pattern '.folder_{i}', overwrite_or_ignore
            );
            copy ({{ files }}) to '{{ folder }}/event_date={{ days[0][0] }}/{{ batch }}_0.parquet' (
                {{ lake_format() }}
            );
        {%- else -%}
            copy ({{ files }}) to '{{ folder }}' (
                {{ lake_format() }}, partition_by (event_date), write_partition_columns true,
                filename_pattern '{{ batch }}_{i}', overwrite_or_ignore
            );
        {%- endif %}
        {{ reset_join_order() }}
    {%- endcall -%}
{% endmacro %}

{#- Most of what a day costs is writing it; its unique columns are not worth a try at a dictionary. -#}
{% macro lake_format() -%}
    format parquet, compression zstd, compression_level 1, dictionary_size_limit 2000
{%- endmacro %}
