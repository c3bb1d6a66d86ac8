"""Gates: versioned suites of expectations over small profiles, and their results by day.

    suites/         what is expected, as data
    validation      a frame and a suite → one result per expectation and row (Great Expectations)
    results         results → lake/dq_results/, which dbt reads
    gates           a delivered day of a stream, before it is accepted
    warehouse       the daily rollup and the reconciliation, before they are published
    data_docs       results → pages for a browser

Checks and records the results; `steps` and Dagster hold sources and publications back.

Rulings: docs/decisions/quality.md.
"""
