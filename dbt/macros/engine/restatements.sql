{#-
  Restatements: a day of a lake model that was built before is built again and says something else.

  The file a day had is noted in replaced_days of the build state in the transaction that takes it out of the ledger. When the day is
  built, both files are compared, event by event. Where something differs, the rows go to
  lake/rpt_restated_requests/event_date=…/<restatement>.parquet and the day becomes a line of
  lake/restatements/<restatement>.json, with cause, reason, files and totals. Files named there are never swept. A run that
  dies on the way is completed by the next: it writes the same files under the same names.

  `cause` is what changed of the day: files_changed (late, corrected or withdrawn rows, or settings of the gateway),
  prices_changed, rules_changed, code_changed. `reason` is what the person said who asked for it.

  Rulings: docs/decisions/closing.md#closing-5
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

{#- Columns that are compared: what an event amounts to, and what led to it. -#}
{% macro restated_columns() %}
    {{ return([
        'input_tokens', 'output_tokens', 'list_cost_usd', 'discounted_cost_usd', 'cache_optimized_cost_usd',
        'reported_cost_usd', 'price_version', 'discount_rule_id', 'discount_factor', 'unpriced_reason',
    ]) }}
{% endmacro %}

{% macro write_restatements(model_name) %}
    {%- for row in run_query('select distinct restatement_id from ' ~ replaced_day_builds() ~ ' order by restatement_id').rows -%}
        {%- do write_restatement(model_name, row[0]) -%}
    {%- endfor -%}
{% endmacro %}

{% macro write_restatement(model_name, restatement_id) %}
    {%- set lake = home_path('lake') | replace("'", "''") -%}
    {%- set pairs -%}
        create or replace temporary table restated_days as
        select
            replaced.*,
            built.file as after_file,
            concat('rpt_restated_requests/event_date=', replaced.event_date, '/', replaced.restatement_id, '_0.parquet') as compared_file
        from {{ replaced_day_builds() }} as replaced
        left join {{ day_builds() }} as built
            on built.model = '{{ model_name }}' and replaced.event_date = built.event_date and built.file not like '%/adjustments-%'
        where replaced.restatement_id = '{{ restatement_id }}'
    {%- endset -%}
    {%- do run_query(pairs) -%}
    {%- set files = {'before': [], 'after': []} -%}
    {%- for row in run_query('select before_file, after_file from restated_days order by event_date').rows -%}
        {%- do files['before'].append(home_path('lake/' ~ row[0])) -%}
        {%- if row[1] -%}{%- do files['after'].append(home_path('lake/' ~ row[1])) -%}{%- endif -%}
    {%- endfor -%}
    {%- set columns = ['event_date', 'event_id', 'source', 'request_id'] + restated_columns() -%}
    {%- set differences -%}
        create or replace temporary table restated_requests as
        with
        {%- for side in ['before', 'after'] %}
        {{ side }} as (
            {% if files[side] -%}
                select {{ columns | join(', ') }}
                from read_parquet({{ sql_list(files[side]) }}, hive_partitioning = true, hive_types = {event_date: date})
            {%- else -%}
                select {{ columns | join(', ') }} from before where false
            {%- endif %}
        ){{ ',' if not loop.last }}
        {%- endfor %}

        select
            '{{ restatement_id }}' as restatement_id,
            coalesce(before.event_date, after.event_date) as event_date,
            coalesce(before.event_id, after.event_id) as event_id,
            coalesce(before.source, after.source) as source,
            coalesce(before.request_id, after.request_id) as request_id,
            case when before.event_id is null then 'added' when after.event_id is null then 'removed' else 'changed' end as change,
            {% for column in restated_columns() -%}
                before.{{ column }} as before_{{ column }},
                after.{{ column }} as after_{{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from before
        full join after on before.event_date = after.event_date and before.event_id = after.event_id
        where
            before.event_id is null or after.event_id is null
            {%- for column in restated_columns() if column != 'price_version' %}
            or before.{{ column }} is distinct from after.{{ column }}
            {%- endfor %}
    {%- endset -%}
    {%- do run_query(differences) -%}

    {%- if run_query('select count(*) from restated_requests').columns[0].values()[0] > 0 -%}
        {%- set totals = [
            ['requests', 'count(*)'], ['unpriced_requests', 'count(unpriced_reason)'],
            ['list_cost_usd', 'sum(list_cost_usd)'], ['discounted_cost_usd', 'sum(discounted_cost_usd)'],
            ['cache_optimized_cost_usd', 'sum(cache_optimized_cost_usd)'],
        ] -%}
        {%- set write -%}
            copy (select * from restated_requests order by event_date, event_id) to '{{ lake }}/rpt_restated_requests' (
                format parquet, compression zstd, partition_by (event_date), write_partition_columns true,
                filename_pattern '{{ restatement_id }}_{i}', overwrite_or_ignore
            )
        {%- endset -%}
        {%- do run_query(write) -%}
        {%- set record -%}
            copy (
                with
                {%- for side in ['before', 'after'] %}
                {{ side }} as (
                    {% if files[side] -%}
                        select
                            event_date
                            {%- for name, expression in totals %}, {{ expression }} as {{ name }}{% endfor %}
                        from read_parquet({{ sql_list(files[side]) }}, hive_partitioning = true, hive_types = {event_date: date})
                        group by event_date
                    {%- else -%}
                        select * from before where false
                    {%- endif %}
                ){{ ',' if not loop.last }}
                {%- endfor %}

                select
                    restatement_id, strftime(restated_at, '%Y-%m-%d %H:%M:%S') as restated_at,
                    restated_days.event_date, cause, reason, before_file, after_file, compared_file
                    {%- for side in ['before', 'after'] -%}{%- for name, _ in totals %},
                    coalesce({{ side }}.{{ name }}, 0)::varchar as {{ side }}_{{ name }}
                    {%- endfor -%}{%- endfor %}
                from restated_days
                left join before on restated_days.event_date = before.event_date
                left join after on restated_days.event_date = after.event_date
                where restated_days.event_date in (select event_date from restated_requests)
                order by restated_days.event_date
            ) to '{{ lake }}/restatements/{{ restatement_id }}.json' (format json, use_tmp_file true)
        {%- endset -%}
        {%- do run_query(record) -%}
    {%- endif -%}
    {%- call statement('restated') -%}
        delete from {{ day_builds() }}
        where model = 'rpt_restated_requests' and file in (select compared_file from restated_days);
        insert into {{ day_builds() }}
        select 'rpt_restated_requests', event_date, compared_file, null, compared_file, row_count, '{{ invocation_id }}', null
        from restated_days
        inner join (select event_date, count(*) as row_count from restated_requests group by event_date) as counted
            using (event_date);
        delete from {{ replaced_day_builds() }} where restatement_id = '{{ restatement_id }}';
        drop table restated_requests;
        drop table restated_days
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}

{#- What lake/restatements/ holds, one row per restatement and day; amounts are text there, with every digit. -#}
{% macro restatement_records() -%}
    {%- set columns = {
        'restatement_id': 'varchar', 'restated_at': 'timestamp', 'event_date': 'date', 'cause': 'varchar', 'reason': 'varchar',
        'before_file': 'varchar', 'after_file': 'varchar', 'compared_file': 'varchar',
    } -%}
    {%- for side in ['before', 'after'] -%}
        {%- for name in ['requests', 'unpriced_requests', 'list_cost_usd', 'discounted_cost_usd', 'cache_optimized_cost_usd'] -%}
            {%- do columns.update({side ~ '_' ~ name: 'varchar'}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set files = lake_files('restatements/*.json') if execute else [] -%}
    {%- if files -%}
        read_json({{ sql_list(files) }}, format = 'newline_delimited', columns = {
            {%- for name, type in columns.items() %}{{ name }}: '{{ type }}'{{ ', ' if not loop.last }}{% endfor -%}
        })
    {%- else -%}
        (
            select
                {%- for name, type in columns.items() %} cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}{% endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}
