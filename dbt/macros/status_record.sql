{#-
  The reconciliation statuses by day, kept in lake/recon_statuses/<day>.ndjson: one row for each item whose status
  changed on that day, with an empty status for an item that no longer exists. Past statuses cannot be derived again,
  because their objects have changed; so they are stored. The day is the last day of the billing data, never the
  clock's, and a rerun of a day rewrites its file.

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

{#- Write the statuses that began or ended on the last day of `history`. -#}
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
