{#-
  How models read raw/. Only staging models call these.

  raw_events(table)  a table's rows of the days being built: files and days come from DuckDB variables that the `daily` and
                     `lake` materializations set, so that the SQL of a model is the same every night and can be
                     fingerprinted. If no variable is set, all accepted rows: build.duckdb then shows every day, or with
                     first_day and last_day (timestamps) those days
  raw_table(table)   every accepted file of a landed table
  raw_glob(table)    every file of a table that is written whole (config, prices) or version by version (Stripe); in a
                     file older than a column it is null

  Rulings: docs/decisions/days.md#days-3, docs/decisions/workers.md#workers-5
-#}

{% macro home_path(path) -%}
    {{ env_var('TOLLBOOK_HOME', '.tollbook') }}/{{ path }}
{%- endmacro %}

{#- A glob pattern below the home; special characters in the home's path are escaped. -#}
{% macro home_glob(pattern) -%}
    {{ env_var('TOLLBOOK_HOME', '.tollbook') | replace('[', '[[]') | replace('*', '[*]') }}/{{ pattern }}
{%- endmacro %}

{#-
  The SQL of the model being built and of every view below it, as a hash that is the same wherever the home is. A view's own
  hash is its comment: DuckDB does not print the same view the same way twice. The history of a lake model is no part of it.
-#}
{% macro code_fingerprint(sql) -%}
    {%- set code = namespace(sql = sql) -%}
    {%- for root in [home_path(''), home_glob('')] -%}
        {%- set code.sql = code.sql | replace("'" ~ root | replace("'", "''"), "'") -%}
    {%- endfor -%}
    {%- set views = [] -%}
    {%- for unique_id in model.depends_on.nodes if graph.nodes.get(unique_id, {}).get('config', {}).get('materialized') == 'view' -%}
        {%- if graph.nodes[unique_id].name not in config.get('history', {}).values() -%}
            {%- do views.append(graph.nodes[unique_id].name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if views -%}
        {%- set fingerprints -%}
            select coalesce(comment, '')
            from duckdb_views()
            where database_name = '{{ this.database }}' and view_name in ('{{ views | join("', '") }}')
            order by view_name
        {%- endset -%}
        {%- set code.sql = code.sql ~ run_query(fingerprints).columns[0].values() | join('|') -%}
    {%- endif -%}
    {{ return(local_md5(code.sql)) }}
{%- endmacro %}

{#- What a model that is kept by day was last checked against its contract with: its code and the contract. -#}
{% macro checked_code(code_fingerprint) -%}
    {%- set contract = [code_fingerprint] -%}
    {%- for column in model.columns.values() -%}{%- do contract.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {{ return(local_md5(contract | join('|'))) }}
{%- endmacro %}

{#- The comment of a relation; none if it is not there. -#}
{% macro known_code(relation) -%}
    {%- if relation is none -%}{{ return(none) }}{%- endif -%}
    {%- set found -%}
        select comment
        from duckdb_{{ relation.type }}s()
        where
            database_name = '{{ relation.database }}'
            and schema_name = '{{ relation.schema }}'
            and {{ relation.type }}_name = '{{ relation.identifier }}'
    {%- endset -%}
    {{ return(run_query(found).columns[0].values()[0]) }}
{%- endmacro %}

{#- Names of the raw tables of usage events that a node of the graph reads, directly or through views. -#}
{% macro raw_events_below(node) -%}
    {%- set tables = [] -%}
    {%- for read in reads_through_views(node) if read.config.get('meta', {}).get('is_event_table') -%}
        {%- do tables.append(read.name) -%}
    {%- endfor -%}
    {{ return(tables | sort) }}
{%- endmacro %}

{#- The DuckDB variables that say which files a node reads, directly or through views, each with a file without rows. -#}
{% macro file_variables_below(node) -%}
    {%- set variables = {} -%}
    {%- for read in [node] + reads_through_views(node) -%}
        {%- set meta = read.config.get('meta', {}) -%}
        {%- if meta.get('is_event_table') -%}
            {%- do variables.update({'raw_' ~ read.name: "'" ~ raw_schema_file(read.name) | replace("'", "''") ~ "'"}) -%}
        {%- elif meta.get('requests_of') -%}
            {%- do variables.update({meta.requests_of: no_requests()}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(variables) }}
{%- endmacro %}

{#- What a node of the graph reads: models and sources, and what views among them read. -#}
{% macro reads_through_views(node) -%}
    {%- set reads = [] -%}
    {%- do find_reads(node, reads, []) -%}
    {{ return(reads) }}
{%- endmacro %}

{% macro find_reads(node, reads, seen) -%}
    {%- for unique_id in node.depends_on.nodes if unique_id not in seen -%}
        {%- do seen.append(unique_id) -%}
        {%- set upstream = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
        {%- do reads.append(upstream) -%}
        {%- if upstream.config.get('materialized') == 'view' -%}
            {%- do find_reads(upstream, reads, seen) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro raw_schema_file(table) -%}
    {{ home_path('raw/' ~ table ~ '/schema.parquet') }}
{%- endmacro %}

{% macro raw_events(table) -%}
    {%- do source('raw', table) -%}
    {%- set empty = raw_schema_file(table) | replace("'", "''") -%}
    {%- set every_file = home_glob('raw/' ~ table ~ '/**/*.parquet') | replace("'", "''") -%}
    (
        select
            * exclude (raw_line, first_line, file_row_number),
            coalesce(raw_line, file_row_number + first_line) as raw_line
        from read_parquet(
            coalesce(getvariable('raw_{{ table }}'), ['{{ empty }}']),
            file_row_number = true, hive_partitioning = false
        )
        where {{ is_of_days('occurred_at') }}
        union all
        select
            * exclude (raw_line, first_line, file_row_number),
            coalesce(raw_line, file_row_number + first_line) as raw_line
        from read_parquet(
            case when getvariable('raw_{{ table }}') is null then ['{{ empty }}', '{{ every_file }}'] else ['{{ empty }}'] end,
            file_row_number = true, hive_partitioning = false
        )
        where
            getvariable('raw_{{ table }}') is null
            and filename in (
                select concat('{{ home_path("raw/") | replace("'", "''") }}', raw_file)
                from {{ ref('stg_raw__files') }}
                where raw_table = '{{ table }}'
            )
            and {{ is_of_days('occurred_at') }}
    )
{%- endmacro %}

{#- Whether a time is of the days being built; true if the variables are not set. -#}
{% macro is_of_days(occurred_at) -%}
    {{ occurred_at }} >= coalesce(cast(getvariable('first_day') as timestamp), timestamp '-infinity')
    and {{ occurred_at }} < coalesce(cast(getvariable('last_day') as timestamp) + interval 1 day, timestamp 'infinity')
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

{% macro raw_load_records() -%}
    read_json(
        {{ sql_list([home_glob('raw/accepted/*.ndjson'), home_path('raw/no_load_records.ndjson')]) }},
        format = 'newline_delimited',
        allow_empty = true,
        columns = {
            source: 'varchar', stream: 'varchar', connector: 'varchar', "table": 'varchar', delivered_on: 'date',
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
