"""The steps of a run before dbt: fetch, convert, sync payments, accept sources.

One module per kind of step, without Dagster: `defs` turns each into an asset.
"""
