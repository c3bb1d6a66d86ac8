{#-
  Closed months, as the lake materialization keeps them. `tollbook close` writes lake/closings/<month>.json: which file holds
  each of the month's days. From then on those files are the days, whatever raw/, prices or code say. What would be different
  today is the rows of a view, int_usage_costs_adjusted; they go to files of the day they were found on,
  lake/<model>/event_date=<day found>/adjustments-<number>.parquet. What they are is decided in models/intermediate/books/;
  here it is decided which days are compared, and build state is written. Nothing here needs build.duckdb to remember
  anything: the same files give the same books.

  Rulings: docs/decisions/closing.md#closing-1, docs/decisions/closing.md#closing-6
-#}

{#- The closed months, oldest first. -#}
{% macro closed_months() -%}
    {{ return(run_query('select distinct month from ' ~ closed_day_builds() ~ ' order by month').columns[0].values() | list) }}
{%- endmacro %}

{% macro adjustment_files(model_name) -%}
    {{ return(lake_files(model_name ~ '/event_date=*/adjustments-*.parquet')) }}
{%- endmacro %}

{#-
  Book what closed days would be today as adjustments, then make wanted_days and day_builds hold the closed files and the
  adjustments instead of what the days would be today. Called between want_days() and missing_days().
-#}
{% macro keep_closed_days(model_name, adjustments_view, months) %}
    {%- set is_closed = "strftime(event_date, '%Y-%m') in ('" ~ months | join("', '") ~ "')" -%}
    {#- A day nothing is left of is compared, too: its files may have been delivered again without it. -#}
    {%- set emptied -%}
        insert into wanted_days by name
        select distinct event_date, cast(0 as bigint) as weight, 'nothing left' as fingerprint
        from {{ closed_day_builds() }} as closed_days
        where event_date not in (select event_date from wanted_days)
    {%- endset -%}
    {%- do run_query(emptied) -%}
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
            {%- do book_adjustments(model_name, adjustments_view, batch) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set adjustments = adjustment_files(model_name) -%}

    {%- call statement('keep') -%}
        create or replace temporary table kept_parts as
        select event_date, fingerprint, file, row_count
        from {{ closed_day_builds() }} as closed_days
        {% if adjustments -%}
        union all
        select event_date, file as fingerprint, file, row_count
        from {{ days_of_files(model_name, adjustments) }}
        where file not in (select file from {{ closed_day_builds() }} as closed_days where file is not null)
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

{#-
  Compare the closed `days` (of one month) with what they would be now, and write the adjustments that follow. The views read
  the closed files of these days and every adjustment booked so far.
-#}
{% macro book_adjustments(model_name, adjustments_view, days) %}
    {%- set earlier_files = adjustment_files(model_name) -%}
    {%- set closed_files -%}
        select list({{ lake_path('file') }} order by file)
        from {{ closed_day_builds() }} as closed_days
        where file not like '%/adjustments-%' and event_date in ({{ date_list(days) }})
    {%- endset -%}
    {%- do set_raw_variables(days) -%}
    {%- set variables -%}
        set variable compared_days = [{{ date_list(days) }}];
        set variable closed_files = ({{ closed_files }});
        -- The days of a month were closed together and have the same columns.
        set variable closed_columns = (
            select list(name) from parquet_schema(coalesce(getvariable('closed_files')[1:1], [{{ no_requests() }}]))
            where getvariable('closed_files') is not null
        );
        set variable booked_files = list_concat(
            coalesce(getvariable('closed_files'), [{{ no_requests() }}]), cast({{ sql_list(earlier_files) }} as varchar [])
        )
    {%- endset -%}
    {%- do run_query(variables) -%}
    {%- set adjustments -%}
        {{ keep_join_order() }};
        create or replace temporary table adjustments as
        select * from {{ relation_of(adjustments_view) }};
        {{ reset_join_order() }}
    {%- endset -%}
    {%- do run_query(adjustments) -%}
    {%- for row in run_query('select distinct cast(event_date as varchar) from adjustments').rows -%}
        {%- set folder = home_path('lake/' ~ model_name) | replace("'", "''") -%}
        {%- set number = '%06d' | format(earlier_files | length + 1) -%}
        {%- set write -%}
            copy (select date '{{ row[0] }}' as event_date, 0 as seed) to '{{ folder }}' (
                format parquet, partition_by (event_date), filename_pattern '.folder_{i}', overwrite_or_ignore
            );
            copy (from adjustments order by adjusts_event_date, adjusts_event_id)
            to '{{ folder }}/event_date={{ row[0] }}/adjustments-{{ number }}.parquet' (
                format parquet, compression zstd, use_tmp_file true
            )
        {%- endset -%}
        {%- do run_query(write) -%}
    {%- endfor -%}
    {%- call statement('compared') -%}
        drop table adjustments;
        {%- for variable in ['compared_days', 'closed_files', 'closed_columns', 'booked_files'] %}
        reset variable {{ variable }};
        {%- endfor %}
        delete from {{ day_builds() }} where model = '{{ model_name }}:closed' and event_date in ({{ date_list(days) }});
        insert into {{ day_builds() }}
        select '{{ model_name }}:closed', event_date, fingerprint, null, null, 0, '{{ invocation_id }}', null
        from wanted_days
        where event_date in ({{ date_list(days) }})
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
