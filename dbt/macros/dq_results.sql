{#-
  Write, once, a file with the columns of lake/dq_results/ (dagster_project/quality/results.py) and no row, so that a home
  in which nothing was judged has an empty mart.

  Rulings: docs/decisions/quality.md#quality-4
-#}

{% macro write_no_dq_results() -%}
    {%- if execute and not lake_files('dq_results/none.parquet') -%}
    copy (
    select
        cast(null as varchar) as suite,
        cast(null as integer) as suite_version,
        cast(null as varchar) as expectation,
        cast(null as varchar) as source,
        cast(null as varchar) as stream,
        cast(null as varchar) as day,
        cast(null as double) as observed,
        cast(null as varchar) as expected,
        cast(null as boolean) as passed,
        cast(null as boolean) as is_blocking,
        cast(null as varchar) as failing_rows,
        cast(null as varchar) as content
    where false
    ) to '{{ home_path('lake/dq_results/none.parquet') | replace("'", "''") }}' (format parquet)
    {%- endif -%}
{%- endmacro %}
