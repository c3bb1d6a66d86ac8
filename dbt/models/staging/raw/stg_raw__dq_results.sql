{#- Rulings: docs/decisions/quality.md#quality-4 -#}
{%- do source('raw', 'dq_results') %}

with results as (
    select * from read_parquet('{{ home_glob('lake/dq_results/**/[!.]*.parquet') | replace("'", "''") }}', union_by_name = true)
),

final as (
    select
        ---------- what was judged
        suite,
        suite_version,
        expectation,
        source,
        stream,
        cast(day as date) as day,
        content,

        ---------- the result
        observed,
        expected,
        passed,
        is_blocking,
        failing_rows
    from results
)

select * from final
