{#-
  How models and materializations read files below lake/.

  lake_files(pattern)            the files a pattern names
  rows_of_files(files, columns)  rows of files that may be older than the model
  rows_of_requests(variable)     rows of the request files that a DuckDB variable names
  days_of_files(model, files)    the day, name and rows of files of a lake model
-#}

{#- The files below lake/ that a pattern names, whole paths in order, without unfinished files of killed processes. -#}
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

{#- The path of a file below lake/ that an expression names. -#}
{% macro lake_path(file) -%}
    concat('{{ home_path("lake/") | replace("'", "''") }}', {{ file }})
{%- endmacro %}

{#-
  All of `columns` of Parquet files that may be older than the model: a column a file has not is null, whatever order the
  files come in. The branch without rows lends its names and types. `files` is a list, or an expression that is one in DuckDB.
-#}
{% macro rows_of_files(files, columns, options = 'hive_partitioning = true, hive_types = {event_date: date}', also = []) -%}
    (
        select
            {% for name in also %}{{ name }}, {% endfor -%}
            {% for column in columns -%}
                cast({{ column.name }} as {{ column.dtype }}) as {{ column.name }}{{ ', ' if not loop.last }}
            {%- endfor %}
        from (
            {% if files -%}
                select * from read_parquet({{ files if files is string else sql_list(files) }}, union_by_name = true, {{ options }})
                union all by name
            {% endif -%}
            select
                {% for column in columns -%}
                    cast(null as {{ column.dtype }}) as {{ column.name }}{{ ', ' if not loop.last }}
                {%- endfor %}
            where false
        )
    )
{%- endmacro %}

{#- A file without requests, read where there is no other (ingestion/home.py). -#}
{% macro no_requests() -%}
    '{{ home_path("lake/fct_usage_costs/.none.parquet") | replace("'", "''") }}'
{%- endmacro %}

{#-
  All columns of fct_usage_costs, and the path as `filename`, of the files that a DuckDB variable names: of none where it is
  not set, or of every request file there is.
-#}
{% macro rows_of_requests(variable, otherwise_every_file = false) -%}
    {%- set every_file = "'" ~ home_glob('lake/fct_usage_costs/**/*.parquet') | replace("'", "''") ~ "'" -%}
    {{ rows_of_files(
        "coalesce(getvariable('" ~ variable ~ "'), [" ~ (every_file if otherwise_every_file else no_requests()) ~ "])",
        contract_columns('fct_usage_costs'), 'hive_partitioning = false, filename = true', ['filename']
    ) }}
{%- endmacro %}

{#- (event_date, file below lake/, row_count) of files of a lake model; no rows where there are none. -#}
{% macro days_of_files(model_name, files) -%}
    (
        {% if files -%}
            select
                cast(regexp_extract(file_name, 'event_date=([0-9-]+)/', 1) as date) as event_date,
                regexp_extract(file_name, '({{ model_name }}/event_date=[^/]+/[^/]+)$', 1) as file,
                num_rows as row_count
            from parquet_file_metadata({{ sql_list(files) }})
        {%- else -%}
            select cast(null as date) as event_date, cast(null as varchar) as file, 0 as row_count where false
        {%- endif %}
    )
{%- endmacro %}
