{#-
  Closed months. `tollbook close` writes lake/closings/<month>.json: which file holds each of the month's days. From then
  on those files are the days, whatever raw/, prices or code say; what would be different today is booked as adjustments:
  rows of the day it was found, in files of their own, lake/<model>/event_date=<day found>/adjustments-<number>.parquet.
  Nothing here needs build.duckdb to remember anything: the same files give the same books.

  Rulings: docs/decisions/closing.md#closing-1
-#}

{#- The closed months, oldest first. -#}
{% macro closed_months() -%}
    {{ return(run_query('select distinct month from ' ~ closed_day_builds() ~ ' order by month').columns[0].values() | list) }}
{%- endmacro %}

{#- The UTC day on which this run finds what it finds; never a day of a closed month, whatever the clock says. -#}
{% macro day_found(months) -%}
    {%- set found -%}
        select cast(greatest(found_on, cast(date '{{ months | max }}-01' + interval 1 month as date)) as varchar)
        from {{ run_state() }}
    {%- endset -%}
    {{ return(run_query(found).columns[0].values()[0]) }}
{%- endmacro %}

{% macro adjustment_files(model_name) -%}
    {{ return(lake_files(model_name ~ '/event_date=*/adjustments-*.parquet')) }}
{%- endmacro %}

{#-
  All of `columns` of Parquet files that may be older than the model: a column a file has not is null, whatever order the
  files come in. The branch without rows lends its names and types.
-#}
{% macro rows_of_files(files, columns) -%}
    (
        select
            {% for column in columns -%}
                cast({{ column.name }} as {{ column.dtype }}) as {{ column.name }}{{ ', ' if not loop.last }}
            {%- endfor %}
        from (
            {% if files -%}
                select * from read_parquet(
                    {{ sql_list(files) }}, union_by_name = true, hive_partitioning = true, hive_types = {event_date: date}
                )
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

{#-
  Book what closed days would be today as adjustments, then make wanted_days and day_builds hold the closed files and the
  adjustments instead of what the days would be today. Called between want_days() and missing_days().
-#}
{% macro keep_closed_days(model_name, sql, months) %}
    {%- set is_closed = "strftime(event_date, '%Y-%m') in ('" ~ months | join("', '") ~ "')" -%}
    {#- A day nothing is left of is compared, too: its files may have been delivered again without it. -#}
    {%- set emptied -%}
        insert into wanted_days by name
        select distinct event_date, cast(0 as bigint) as weight, 'nothing left' as fingerprint
        from {{ closed_day_builds() }} as closed_days
        where event_date not in (select event_date from wanted_days)
    {%- endset -%}
    {%- do run_query(emptied) -%}
    {%- set columns = get_column_schema_from_query(sql) -%}
    {%- set adjustments = adjustment_files(model_name) -%}
    {#- A day that was adjusted is compared even if it is again what was closed: the adjustment has to be taken back. -#}
    {%- set differing -%}
        select wanted_days.event_date, wanted_days.fingerprint, wanted_days.weight
        from wanted_days
        where
            {{ is_closed }}
            and not exists (
                select 1
                from {{ closed_day_builds() }} as closed_days
                where
                    closed_days.event_date = wanted_days.event_date
                    and closed_days.fingerprint = wanted_days.fingerprint
                    {% if adjustments -%}
                    and closed_days.event_date not in (
                        select adjusts_event_date from read_parquet({{ sql_list(adjustments) }})
                    )
                    {%- endif %}
            )
            and not exists (
                select 1
                from {{ day_builds() }} as compared
                where
                    compared.model = '{{ model_name }}:closed'
                    and compared.event_date = wanted_days.event_date
                    and compared.fingerprint = wanted_days.fingerprint
            )
        order by wanted_days.event_date
    {%- endset -%}
    {#- Month by month: the days of one were closed together and have the same columns. -#}
    {%- set days = run_query(differing).rows -%}
    {%- for month in months -%}
        {%- set days_of_month = [] -%}
        {%- for day in days if (day[0] | string)[:7] == month -%}{%- do days_of_month.append(day) -%}{%- endfor -%}
        {%- for batch in day_batches(days_of_month, 2000000) -%}
            {%- do book_adjustments(model_name, sql, columns, batch, day_found(months)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set adjustments = adjustment_files(model_name) -%}

    {%- call statement('keep') -%}
        create or replace temporary table kept_parts as
        select event_date, fingerprint, file, row_count
        from {{ closed_day_builds() }} as closed_days
        {% if adjustments -%}
        union all
        select
            cast(regexp_extract(file_name, 'event_date=([0-9-]+)/', 1) as date) as event_date,
            regexp_extract(file_name, '({{ model_name }}/event_date=[^/]+/[^/]+)$', 1) as fingerprint,
            fingerprint as file,
            num_rows as row_count
        from parquet_file_metadata({{ sql_list(adjustments) }})
        where fingerprint not in (select file from {{ closed_day_builds() }} as closed_days where file is not null)
        {%- endif %};

        delete from wanted_days where {{ is_closed }};
        insert into wanted_days by name
        select event_date, row_count as weight, fingerprint from kept_parts;

        insert into {{ day_builds() }}
        select '{{ model_name }}', event_date, fingerprint, null, file, row_count, '{{ invocation_id }}', null
        from kept_parts
        where not exists (
            select 1
            from {{ day_builds() }} as built
            where
                built.model = '{{ model_name }}'
                and built.event_date = kept_parts.event_date
                and built.fingerprint = kept_parts.fingerprint
                and built.file is not distinct from kept_parts.file
        )
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}

{% macro days_with_adjustments(model_name) -%}
    (select event_date from {{ day_builds() }} where model = '{{ model_name }}' and file like '%/adjustments-%')
{%- endmacro %}

{#- Closed days that were once wanted otherwise than they were closed. -#}
{% macro compared_closed_days(model_name) -%}
    (select event_date from {{ day_builds() }} where model = '{{ model_name }}:closed')
{%- endmacro %}
