{#-
  How models read raw/. Only staging models call these.

  raw_events(table)  the files of the days being built, through a DuckDB variable that the `daily` materialization sets,
                     so that the SQL of a model is the same every night and can be fingerprinted
  raw_table(table)   every accepted file of a landed table
  raw_glob(table)    every file of a table that is written whole (config, prices) or version by version (Stripe); a file
                     older than a column has nothing in it

  Rulings: docs/decisions/days.md#days-3
-#}

{% macro home_path(path) -%}
    {{ env_var('TOLLBOOK_HOME', '.tollbook') }}/{{ path }}
{%- endmacro %}

{#- A pattern below the home, in whose own path no character means anything but itself. -#}
{% macro home_glob(pattern) -%}
    {{ env_var('TOLLBOOK_HOME', '.tollbook') | replace('[', '[[]') | replace('*', '[*]') }}/{{ pattern }}
{%- endmacro %}

{#- A model's SQL as a hash that is the same wherever the home is. -#}
{% macro code_fingerprint(sql) -%}
    {%- set code = namespace(sql = sql) -%}
    {%- for root in [home_path(''), home_glob('')] -%}
        {%- set code.sql = code.sql | replace("'" ~ root | replace("'", "''"), "'") -%}
    {%- endfor -%}
    {{ return(local_md5(code.sql)) }}
{%- endmacro %}

{#- The files below lake/ that a pattern names, whole paths in order, without what a process that died left unfinished. -#}
{% macro lake_files(pattern) -%}
    {%- set found -%}
        select file
        from glob('{{ home_glob('lake/' ~ pattern) | replace("'", "''") }}')
        where not regexp_matches(file, '/(\.tmp-|tmp_)[^/]*$')
        order by file
    {%- endset -%}
    {%- set files = [] -%}
    {%- for row in run_query(found).rows -%}
        {%- do files.append(row[0]) -%}
    {%- endfor -%}
    {{ return(files) }}
{%- endmacro %}

{% macro raw_schema_file(table) -%}
    {{ home_path('raw/' ~ table ~ '/schema.parquet') }}
{%- endmacro %}

{% macro raw_events(table) -%}
    {%- do source('raw', table) -%}
    (
        select
            * exclude (raw_line, first_line, file_row_number),
            coalesce(raw_line, file_row_number + first_line) as raw_line
        from read_parquet(getvariable('raw_{{ table }}'), file_row_number = true)
        where occurred_at >= getvariable('first_day') and occurred_at < getvariable('last_day') + interval 1 day
    )
{%- endmacro %}

{% macro raw_table(table) -%}
    {%- do source('raw', table) -%}
    {%- set files = ref('stg_raw__files') -%}
    {%- set paths = [raw_schema_file(table)] -%}
    {%- if execute -%}
        {%- set listed -%}
            select raw_file
            from {{ files }}
            where raw_table = '{{ table }}' and raw_file is not null
            order by raw_file
        {%- endset -%}
        {%- for row in run_query(listed).rows -%}
            {%- do paths.append(home_path('raw/' ~ row[0])) -%}
        {%- endfor -%}
    {%- endif -%}
    (
        select
            * exclude (raw_line, first_line, file_row_number),
            coalesce(raw_line, file_row_number + first_line) as raw_line
        from read_parquet({{ sql_list(paths) }}, file_row_number = true)
    )
{%- endmacro %}

{% macro raw_glob(table) -%}
    {%- do source('raw', table) -%}
    read_parquet('{{ home_glob('raw/' ~ table) | replace("'", "''") }}/**/*.parquet', hive_partitioning = false, union_by_name = true)
{%- endmacro %}

{% macro raw_manifests() -%}
    read_json(
        {{ sql_list([home_glob('raw/accepted/*.ndjson'), home_path('raw/no_manifests.ndjson')]) }},
        format = 'newline_delimited',
        allow_empty = true,
        columns = {
            source: 'varchar', stream: 'varchar', dialect: 'varchar', "table": 'varchar', delivered_on: 'date',
            landing_file: 'varchar', bytes: 'bigint', blake3: 'varchar', reader_version: 'varchar',
            raw_file: 'varchar', rejects_file: 'varchar', lines: 'bigint', blank_lines: 'bigint', events: 'bigint',
            rejects: 'bigint', event_days: 'struct(event_date date, events bigint)[]',
            models: 'struct(event_date date, provider varchar, model varchar, events bigint)[]',
            price_formulas: 'varchar[]', unknown_fields: 'varchar[]'
        }
    )
{%- endmacro %}

{% macro sql_list(strings) -%}
    [{% for string in strings %}'{{ string | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}
