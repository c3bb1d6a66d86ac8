{#-
  Adjustments: what a closed day would be today, less what the books hold of it, event by event.

  The books hold of an event its row in the closed file and the adjustments booked since; their sum is compared with the
  row the day would have now. An adjustment is `late` (the event is new and counts as a request), `vanished` (its file was
  delivered again without it; takes the request back) or `changed` (the difference of amounts, no request). An event whose
  file is gone was archived, not withdrawn, and stays. Who used what stays as it was closed; prices and lineage are those
  that led to the difference.

  Rulings: docs/decisions/closing.md
-#}

{#- A row of fct_usage_costs counts as this many requests. -#}
{% macro counted_requests() -%}
    case adjustment_kind when 'changed' then 0 when 'vanished' then -1 else 1 end
{%- endmacro %}

{#- Columns whose differences alone are worth an adjustment: tokens and what they cost, list to charged. -#}
{% macro adjusted_amounts(columns) %}
    {%- set amounts = [
        'list_cost_usd', 'discounted_cost_usd', 'cache_optimized_cost_usd', 'reported_cost_usd', 'credits_used', 'quota_used',
    ] -%}
    {%- set found = [] -%}
    {%- for column in columns if column.name in amounts or column.name.endswith('_tokens') -%}
        {%- do found.append(column.name) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- Columns that may be added up: an adjustment carries their differences. The other numbers describe. -#}
{% macro is_additive(column) %}
    {%- set describing = ['http_status', 'duration_ms', 'ttft_ms', 'fallback_depth', 'raw_line', 'rounding_unit_usd'] -%}
    {%- set is_number = column.dtype.upper().startswith('DECIMAL') or column.dtype.upper() == 'BIGINT' -%}
    {{ return(
        is_number and column.name not in describing and '_per_' not in column.name
        and not column.name.endswith('_factor') and not column.name.endswith('_ratio')
    ) }}
{% endmacro %}

{#- Columns that say whose the usage is: of a closed event they stay what they were. -#}
{% macro attribution_columns() %}
    {{ return([
        'source', 'request_id', 'workspace_id', 'api_key_id', 'api_key_name', 'member_id', 'origin', 'group_name',
        'call_type', 'status', 'provider', 'model_requested', 'model_served',
    ]) }}
{% endmacro %}

{#- Compare the closed `days` (of one month) with what they would be now, and book the differences on `found_on`. -#}
{% macro book_adjustments(model_name, sql, columns, days, found_on) %}
    {%- set dates = date_list(days) -%}
    {%- set closed_files = [] -%}
    {%- for row in run_query("select file from " ~ closed_day_builds() ~ " where file not like '%/adjustments-%' and event_date in (" ~ dates ~ ") order by file").rows -%}
        {%- do closed_files.append(home_path('lake/' ~ row[0])) -%}
    {%- endfor -%}
    {%- set earlier_files = adjustment_files(model_name) -%}
    {#- What the closed files did not have yet cannot be compared. -#}
    {%- set known = columns | map(attribute = 'name') | list -%}
    {%- if closed_files -%}
        {%- set known = run_query('select name from parquet_schema(' ~ sql_list(closed_files[:1]) ~ ')').columns[0].values() | list -%}
    {%- endif -%}
    {%- set additive = [] -%}
    {%- for column in columns if is_additive(column) -%}{%- do additive.append(column) -%}{%- endfor -%}

    {%- set delivered = '(select landing_file from ' ~ relation_of('stg_raw__files') ~ ')' -%}

    {%- do set_raw_variables(days) -%}
    {%- set differences -%}
        create or replace temporary table differences as
        with as_now as (
            select * from (
                {{ sql }}
            ) where event_date in ({{ dates }})
        ),

        entries as (
            select
                event_id as booked_event_id,
                event_date as booked_event_date,
                {% for column in additive -%}
                    {{ column.name }} as booked_{{ column.name }},
                {% endfor -%}
                raw_file in {{ delivered }} as is_delivered,
                1 as booked_requests
            from {{ rows_of_files(closed_files, columns) }}
            union all
            select
                adjusts_event_id,
                adjusts_event_date,
                {% for column in additive -%}
                    {{ column.name }},
                {% endfor -%}
                raw_file in {{ delivered }},
                {{ counted_requests() }}
            from {{ rows_of_files(earlier_files, columns) }}
            where adjusts_event_date in ({{ dates }})
        ),

        booked as (
            select
                booked_event_id,
                booked_event_date,
                {% for column in additive -%}
                    sum(booked_{{ column.name }}) as booked_{{ column.name }},
                {% endfor -%}
                bool_or(is_delivered) as is_delivered,
                sum(booked_requests) as booked_requests,
                count(*) as booked_entries
            from entries
            group by booked_event_id, booked_event_date
        )

        select
            *,
            case
                when event_id is null then 'vanished'
                when coalesce(booked_requests, 0) = 0 then 'late'
                else 'changed'
            end as kind
        from as_now
        full join booked on event_id = booked_event_id and event_date = booked_event_date
        where
            case
                when event_id is null then booked_requests > 0 and is_delivered
                when coalesce(booked_requests, 0) = 0 then true
                else
                    {% for name in adjusted_amounts(columns) -%}
                        {# An amount nobody can tell any more stays what it was closed with. -#}
                        coalesce({{ name }} != coalesce(booked_{{ name }}, 0), false){{ ' or ' if not loop.last }}
                    {%- endfor %}
            end
    {%- endset -%}
    {%- do run_query(keep_join_order()) -%}
    {%- do run_query(differences) -%}
    {%- do run_query(reset_join_order()) -%}

    {%- if run_query('select count(*) from differences').columns[0].values()[0] > 0 -%}
        {%- set folder = home_path('lake/' ~ model_name) | replace("'", "''") -%}
        {%- set number = '%06d' | format(earlier_files | length + 1) -%}
        {%- set adjustments -%}
            with originals as (
                select *
                from {{ rows_of_files(closed_files + earlier_files, columns) }}
                where
                    coalesce(adjustment_kind, 'late') = 'late'
                    and coalesce(adjusts_event_id, event_id) in (select booked_event_id from differences)
                    and coalesce(adjusts_event_date, event_date) in ({{ dates }})
                qualify row_number() over (
                    partition by coalesce(adjusts_event_id, event_id), coalesce(adjusts_event_date, event_date)
                    order by event_date
                ) = 1
            )

            select
                {% for column in columns -%}
                    cast(
                    {%- if column.name == 'event_id' -%}
                        concat('adjustment:', md5(concat_ws(
                            '|', coalesce(now.event_id, booked_event_id), coalesce(now.event_date, booked_event_date), coalesce(booked_entries, 0)
                        )))
                    {%- elif column.name in ('event_date', 'occurred_at') -%}
                        date '{{ found_on }}'
                    {%- elif column.name == 'event_type' -%}
                        'adjustment'
                    {%- elif column.name == 'adjusts_event_id' -%}
                        coalesce(now.event_id, booked_event_id)
                    {%- elif column.name == 'adjusts_event_date' -%}
                        coalesce(now.event_date, booked_event_date)
                    {%- elif column.name == 'adjustment_kind' -%}
                        kind
                    {%- elif column.name == 'unpriced_reason' -%}
                        case when kind = 'late' then now.unpriced_reason end
                    {%- elif is_additive(column) and column.name in known -%}
                        case
                            when now.event_id is null then -booked_{{ column.name }}
                            when now.{{ column.name }} is null and booked_{{ column.name }} is null then null
                            else coalesce(now.{{ column.name }}, booked_{{ column.name }}) - coalesce(booked_{{ column.name }}, 0)
                        end
                    {%- elif is_additive(column) -%}
                        case when kind = 'late' then now.{{ column.name }} end
                    {%- elif column.name in attribution_columns() -%}
                        case when originals.event_id is null then now.{{ column.name }} else originals.{{ column.name }} end
                    {%- else -%}
                        case when now.event_id is null then originals.{{ column.name }} else now.{{ column.name }} end
                    {%- endif %} as {{ column.dtype }}) as {{ column.name }}{{ ',' if not loop.last }}
                {% endfor %}
            from differences as now
            left join originals
                on
                    booked_event_id = coalesce(originals.adjusts_event_id, originals.event_id)
                    and booked_event_date = coalesce(originals.adjusts_event_date, originals.event_date)
            order by adjusts_event_date, adjusts_event_id
        {%- endset -%}
        {%- set write -%}
            copy (select date '{{ found_on }}' as event_date, 0 as seed) to '{{ folder }}' (
                format parquet, partition_by (event_date), filename_pattern '.folder_{i}', overwrite_or_ignore
            );
            copy ({{ adjustments }}) to '{{ folder }}/event_date={{ found_on }}/adjustments-{{ number }}.parquet' (
                format parquet, compression zstd, use_tmp_file true
            )
        {%- endset -%}
        {%- do run_query(write) -%}
    {%- endif -%}
    {%- call statement('compared') -%}
        drop table differences;
        delete from {{ day_builds() }} where model = '{{ model_name }}:closed' and event_date in ({{ dates }});
        insert into {{ day_builds() }}
        select '{{ model_name }}:closed', event_date, fingerprint, null, null, 0, '{{ invocation_id }}', null
        from wanted_days
        where event_date in ({{ dates }})
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}
