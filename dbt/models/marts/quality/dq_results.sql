{#- Rulings: docs/decisions/quality.md#quality-4 -#}
-- A view, because results of the marts themselves are added after the build and before the publication.
{{ config(materialized = 'view') }}

with results as (
    select * from {{ ref('stg_raw__dq_results') }}
),

final as (
    select
        suite,
        suite_version,
        expectation,
        source,
        stream,
        day,
        observed,
        expected,
        passed,
        is_blocking,
        failing_rows,
        content
    from results
)

select * from final
