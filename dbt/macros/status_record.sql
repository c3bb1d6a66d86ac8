{#-
  What the reconciliation said on each day of its books, kept beside the priced requests: lake/recon_statuses/<day>.ndjson, one
  row for each item whose status changed on that day, an empty status for an item that is no more. Verdicts of the past cannot
  be derived again, because the objects they were made of have changed; so they are written down. A day is the last day the
  billing data speaks of, never that of the clock, and a rerun of a day writes its file anew.

  Rulings: docs/decisions/invoices-and-payments.md#invoices-5
-#}

{% macro recorded_statuses() -%}
    {%- set files = lake_files('recon_statuses/*.ndjson') if execute else [] -%}
    (
        {% if files -%}
            select * from read_json(
                {{ sql_list(files) }}, format = 'newline_delimited',
                columns = {item_id: 'varchar', status: 'varchar', run_date: 'date'}
            )
            union all
        {% endif -%}
        select
            cast(null as varchar) as item_id,
            cast(null as varchar) as status,
            cast(null as date) as run_date
        where false
    )
{%- endmacro %}

{#- Write down what `history` says began or ended on the last day it speaks of. -#}
{% macro record_statuses(history, settings) -%}
    {%- set day = run_query('select watermark_date from ' ~ settings).columns[0].values()[0] if execute -%}
    {%- if day -%}
        copy (
            select
                item_id,
                status,
                first_seen_on as run_date
            from {{ history }}
            where first_seen_on = date '{{ day }}'
            union all
            select
                ended.item_id,
                null as status,
                ended.replaced_on as run_date
            from {{ history }} as ended
            left join {{ history }} as begun
                on ended.item_id = begun.item_id and begun.first_seen_on = ended.replaced_on
            where ended.replaced_on = date '{{ day }}' and begun.item_id is null
            order by item_id
        ) to '{{ home_path('lake/recon_statuses') | replace("'", "''") }}/{{ day }}.ndjson' (format json, use_tmp_file true)
    {%- endif -%}
{%- endmacro %}
