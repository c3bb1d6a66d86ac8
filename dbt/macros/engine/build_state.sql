{#-
  dbt's access to the build state: which day of which model is built from what. The tables are created and described in
  dagster_project/books/state.py, before dbt runs; no other macro and no model uses a table of `meta`.

  A day is rebuilt exactly when the fingerprint it should have (its inputs' fingerprints and the model's own SQL) is not the
  one in day_builds. `content`, where a model keeps it, is the hash of the day's rows: dependent models are rebuilt only
  when the rows changed, not whenever the day was rebuilt. `parts` are the inputs of a lake model's fingerprint: they
  show why a day was rebuilt.

  Rulings: docs/decisions/days.md
-#}

{% macro day_builds() -%}
    meta.day_builds
{%- endmacro %}

{#- Days whose lake file was replaced and not yet compared with the new one. -#}
{% macro replaced_day_builds() -%}
    meta.replaced_days
{%- endmacro %}

{#- The days of closed months: month, event_date, fingerprint, file, row_count. -#}
{% macro closed_day_builds() -%}
    meta.closed_days
{%- endmacro %}

{#- At most one row: the event dates to restate. -#}
{% macro requested_restatement() -%}
    meta.restatement
{%- endmacro %}

{#- One row: the UTC day of this build. -#}
{% macro run_state() -%}
    meta.run
{%- endmacro %}

{% macro unpublished_days(model_name) -%}
    (select event_date from meta.unpublished_days where model = '{{ model_name }}')
{%- endmacro %}

{#- Data tests over requests check only days that are not published yet: write `where: __unpublished_days__`. -#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where -%}
        {%- set unpublished = 'event_date in ' ~ unpublished_days(relation.identifier) -%}
        (select * from {{ relation }} where {{ where | replace('__unpublished_days__', unpublished) }}) as dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{% macro relation_of(model_name) -%}
    {{ graph.nodes['model.' ~ project_name ~ '.' ~ model_name].relation_name }}
{%- endmacro %}

{#- (event_date, fingerprint, weight) of every day an upstream has; a model that is not built day by day has the columns itself. -#}
{% macro upstream_days(upstream) -%}
    {%- set materialized = graph.nodes['model.' ~ project_name ~ '.' ~ upstream].config.materialized -%}
    {%- if materialized == 'daily' -%}
        (select event_date, coalesce(content, fingerprint) as fingerprint, row_count as weight from {{ day_builds() }} where model = '{{ upstream }}')
    {%- elif materialized == 'lake' -%}
        (
            select event_date, string_agg(fingerprint, '|' order by fingerprint) as fingerprint, sum(row_count)::bigint as weight
            from {{ day_builds() }}
            where model = '{{ upstream }}'
            group by event_date
        )
    {%- else -%}
        (select event_date, fingerprint, weight from {{ relation_of(upstream) }})
    {%- endif -%}
{%- endmacro %}

{#-
  The days of `upstreams` (the first one decides which days exist) that are not in day_builds with the fingerprint they
  should have: [(date, fingerprint, weight)]. Leaves all wanted days in the temporary table wanted_days.
-#}
{% macro day_changes(model_name, upstreams, code_fingerprint) %}
    {%- do want_days(upstreams, code_fingerprint) -%}
    {{ return(missing_days(model_name)) }}
{% endmacro %}

{% macro want_days(upstreams, code_fingerprint) %}
    {%- set wanted -%}
        create or replace temporary table wanted_days as
        select
            days.event_date,
            days.weight,
            concat_ws('|', '{{ code_fingerprint }}', days.fingerprint
            {%- for upstream in upstreams[1:] %}, coalesce({{ upstream }}.fingerprint, ''){% endfor %}) as parts,
            md5(parts) as fingerprint
        from {{ upstream_days(upstreams[0]) }} as days
        {%- for upstream in upstreams[1:] %}
        left join {{ upstream_days(upstream) }} as {{ upstream }} on days.event_date = {{ upstream }}.event_date
        {%- endfor %}
    {%- endset -%}
    {%- do run_query(wanted) -%}
{% endmacro %}

{% macro missing_days(model_name) %}
    {%- set missing -%}
        select wanted_days.event_date, wanted_days.fingerprint, wanted_days.weight
        from wanted_days
        left join {{ day_builds() }} as built
            on built.model = '{{ model_name }}'
            and wanted_days.event_date = built.event_date
            and wanted_days.fingerprint = built.fingerprint
        where built.event_date is null
        order by wanted_days.event_date
    {%- endset -%}
    {{ return(run_query(missing).rows) }}
{% endmacro %}

{% macro forget_stale_days(model_name) %}
    delete from {{ day_builds() }} as built
    where
        built.model = '{{ model_name }}'
        and not exists (
            select 1
            from wanted_days
            where wanted_days.event_date = built.event_date and wanted_days.fingerprint = built.fingerprint
        )
{% endmacro %}

{#- Consecutive days in one statement, up to `limit` rows together: many small days cost one statement, a large day its own. -#}
{% macro day_batches(days, limit) %}
    {%- set batches = [] -%}
    {%- set current = namespace(days = [], weight = 0) -%}
    {%- for day in days -%}
        {%- if current.days and current.weight + day[2] > limit -%}
            {%- do batches.append(current.days) -%}
            {%- set current.days = [] -%}
            {%- set current.weight = 0 -%}
        {%- endif -%}
        {%- set current.days = current.days + [day] -%}
        {%- set current.weight = current.weight + day[2] -%}
    {%- endfor -%}
    {%- if current.days -%}{%- do batches.append(current.days) -%}{%- endif -%}
    {{ return(batches) }}
{% endmacro %}

{% macro date_list(days) -%}
    {%- for day in days -%}date '{{ day[0] }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#-
  Set the DuckDB variables that limit what the model reads to the days from the first to the last of `days`, and
  `margin_days` more on either side: first_day and last_day for relations kept by day, and for each raw table the files
  with rows of these days, or its empty schema file.
-#}
{% macro set_raw_variables(days, margin_days = 0) %}
    {%- set first_day = "date '" ~ (days[0][0] if days else '0001-02-01') ~ "' - " ~ margin_days -%}
    {%- set last_day = "date '" ~ (days[-1][0] if days else '0001-02-01') ~ "' + " ~ margin_days -%}
    {%- set variables -%}
        set variable first_day = cast({{ first_day }} as timestamp);
        set variable last_day = cast({{ last_day }} as timestamp)
        {%- for table in raw_events_below(model) -%}
            ;
            set variable raw_{{ table }} = (
                select coalesce(
                    list('{{ home_path("raw/") | replace("'", "''") }}' || raw_file order by raw_file),
                    ['{{ raw_schema_file(table) | replace("'", "''") }}']
                )
                from (
                    select distinct raw_file
                    from {{ relation_of('stg_raw__file_days') }}
                    where
                        raw_table = '{{ table }}'
                        and event_date between {{ first_day }} and {{ last_day }}
                )
            )
        {%- endfor -%}
    {%- endset -%}
    {%- do run_query(variables) -%}
{% endmacro %}

{#-
  Read the usage events of the days being built into a temporary table, if the model being built reads them and they are few.
  int_usage_events shows it then. Of few rows, DuckDB prepares the whole of a model for each of some twenty branches of
  the union, which takes longer than all else; many rows would need the memory.

  Rulings: docs/decisions/days.md#days-6
-#}
{% macro hold_usage_events(days) %}
    {%- do run_query(held_usage_events(days) or 'reset variable usage_events') -%}
{% endmacro %}

{#- What holds the usage events of these days; empty where they are not held. -#}
{% macro held_usage_events(days) %}
    {%- set reads_events = [] -%}
    {%- for read in reads_through_views(model) if read.name == 'int_usage_events_united' -%}
        {%- do reads_events.append(read) -%}
    {%- endfor -%}
    {%- set weights = [0] -%}
    {%- for day in days -%}{%- do weights.append(day[2]) -%}{%- endfor -%}
    {%- if not reads_events or weights | sum > 100000 -%}
        {{ return('') }}
    {%- endif -%}
    {%- set hold -%}
        create or replace temporary table held_usage_events as
        select * from {{ relation_of('int_usage_events_united') }};
        set variable usage_events = 'held_usage_events'
    {%- endset -%}
    {{ return(hold) }}
{% endmacro %}

{#- Whether a row of a relation kept by day is of the days being built; true if the variables are not set. -#}
{% macro is_day_shown(event_date = 'event_date') -%}
    {{ event_date }} >= coalesce(cast(getvariable('first_day') as date), date '-infinity')
    and {{ event_date }} <= coalesce(cast(getvariable('last_day') as date), date 'infinity')
{%- endmacro %}

{#- Let relations show every day again. -#}
{% macro reset_raw_variables() %}
    {%- set variables -%}
        reset variable first_day;
        reset variable last_day;
        reset variable usage_events
        {%- for table in raw_events_below(model) %}; reset variable raw_{{ table }}{% endfor -%}
    {%- endset -%}
    {%- do run_query(variables) -%}
{% endmacro %}

{#-
  Requests stay on the probe side of every join, as written. DuckDB estimates a scan of many files from the first one, and
  a small first file once made it build hash tables of ten million requests to look up eight prices.
-#}
{% macro keep_join_order() -%}
    set disabled_optimizers = 'join_order,build_side_probe_side'
{%- endmacro %}

{% macro reset_join_order() -%}
    reset disabled_optimizers
{%- endmacro %}
