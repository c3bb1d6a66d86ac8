{#-
  Restatements: a day of a lake model that was built before is built again and says something else.

  The file a day had is noted in replaced_days of the build state in the transaction that takes it out of the ledger. When the day is
  built, both files are compared, event by event: int_usage_costs_restated has what differs, int_days_restated the totals of
  each day. Where something differs, the rows go to lake/rpt_restated_requests/event_date=…/<restatement>.parquet and the day
  becomes a line of lake/restatements/<restatement>.json, with cause, reason, files and totals. Files named there are never
  swept. A run that dies on the way is completed by the next: it writes the same files under the same names.

  `cause` is what changed of the day: files_changed (late, corrected or withdrawn rows, or settings of the gateway),
  prices_changed, rules_changed, code_changed. `reason` is what the person said who asked for it.

  Rulings: docs/decisions/closing.md#closing-5, docs/decisions/closing.md#closing-6
-#}

{% macro restatement_causes(upstreams) %}
    {%- set causes = {
        'int_usage_days': 'files_changed', 'int_usage_repeated_events': 'files_changed',
        'int_pricing_days': 'prices_changed', 'int_usage_discounts': 'rules_changed',
    } -%}
    {%- set found = ['code_changed'] -%}
    {%- for upstream in upstreams -%}{%- do found.append(causes.get(upstream, 'content_changed')) -%}{%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- Days whose file is about to be replaced or to go, and those an earlier run noted and did not finish. -#}
{% macro replaced_days(model_name) -%}
    select built.*, wanted_days.parts as wanted_parts
    from {{ day_builds() }} as built
    left join wanted_days on built.event_date = wanted_days.event_date and wanted_days.parts is not null
    where
        built.model = '{{ model_name }}'
        and built.file is not null
        and not exists (
            select 1
            from wanted_days as same
            where same.event_date = built.event_date and same.fingerprint = built.fingerprint
        )
{%- endmacro %}

{% macro has_replaced_days(model_name) %}
    {%- set found -%}
        select (select count(*) from {{ replaced_day_builds() }}) + (select count(*) from ({{ replaced_days(model_name) }})) > 0
    {%- endset -%}
    {{ return(run_query(found).columns[0].values()[0]) }}
{% endmacro %}

{% macro remember_replaced_days(model_name, upstreams) %}
    insert into {{ replaced_day_builds() }}
    select
        coalesce((select restatement_id from {{ requested_restatement() }}), '{{ invocation_id }}') as restatement_id,
        timestamp '{{ run_started_at.strftime('%Y-%m-%d %H:%M:%S') }}' as restated_at,
        event_date,
        case when wanted_parts is null then 'files_changed' else array_to_string(list_sort(list_distinct([
            {%- for cause in restatement_causes(upstreams) %}
            case when split_part(parts, '|', {{ loop.index }}) != split_part(wanted_parts, '|', {{ loop.index }}) then '{{ cause }}' end
            {{- ',' if not loop.last }}
            {%- endfor %}
        ])), '+') end as cause,
        (
            select requested.reason
            from {{ requested_restatement() }} as requested
            where replaced.event_date between requested.first_day and requested.last_day
        ) as reason,
        file as before_file,
        fingerprint as before_fingerprint
    from ({{ replaced_days(model_name) }}) as replaced
    where not exists (select 1 from {{ replaced_day_builds() }} as noted where noted.event_date = replaced.event_date)
{% endmacro %}

{#- Compare what was noted with what was built since, and record it; `history` names the views. -#}
{% macro write_restatements(history) %}
    {%- set lake = home_path('lake') | replace("'", "''") -%}
    {%- set compare -%}
        set variable before_files = (select list({{ lake_path('before_file') }} order by event_date) from {{ relation_of('int_days_replaced') }});
        set variable after_files = (
            select list({{ lake_path('after_file') }} order by event_date)
            from {{ relation_of('int_days_replaced') }}
            where after_file is not null
        );
        create or replace temporary table restated_requests as
        select * from {{ relation_of(history.restated_requests) }}
    {%- endset -%}
    {%- do run_query(compare) -%}
    {%- set compared -%}
        select replaced.restatement_id, count(restated.restatement_id) > 0
        from {{ replaced_day_builds() }} as replaced
        left join restated_requests as restated on replaced.restatement_id = restated.restatement_id
        group by replaced.restatement_id
        order by replaced.restatement_id
    {%- endset -%}
    {%- for restatement_id, differs in run_query(compared).rows -%}
        {%- if differs -%}
            {%- do record_restatement(restatement_id, history, lake) -%}
        {%- endif -%}
        {%- call statement('restated') -%}
            delete from {{ day_builds() }}
            where model = 'rpt_restated_requests' and file in (
                select compared_file from {{ relation_of('int_days_replaced') }} where restatement_id = '{{ restatement_id }}'
            );
            insert into {{ day_builds() }}
            select 'rpt_restated_requests', event_date, compared_file, null, compared_file, row_count, '{{ invocation_id }}', null
            from {{ relation_of('int_days_replaced') }}
            inner join (
                select event_date, count(*) as row_count
                from restated_requests
                where restatement_id = '{{ restatement_id }}'
                group by event_date
            ) as counted using (event_date);
            delete from {{ replaced_day_builds() }} where restatement_id = '{{ restatement_id }}'
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endfor -%}
    {%- do run_query('reset variable before_files; reset variable after_files; drop table restated_requests') -%}
{% endmacro %}

{% macro record_restatement(restatement_id, history, lake) %}
    {%- set write -%}
        copy (
            select * from restated_requests where restatement_id = '{{ restatement_id }}' order by event_date, event_id
        ) to '{{ lake }}/rpt_restated_requests' (
            format parquet, compression zstd, partition_by (event_date), write_partition_columns true,
            filename_pattern '{{ restatement_id }}_{i}', overwrite_or_ignore
        );
        copy (
            select *
            from {{ relation_of(history.restated_days) }}
            where
                restatement_id = '{{ restatement_id }}'
                and event_date in (select event_date from restated_requests where restatement_id = '{{ restatement_id }}')
            order by event_date
        ) to '{{ lake }}/restatements/{{ restatement_id }}.json' (format json, use_tmp_file true)
    {%- endset -%}
    {%- do run_query(write) -%}
{% endmacro %}
