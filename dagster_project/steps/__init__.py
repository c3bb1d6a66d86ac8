"""What the steps of a night do before dbt: fetch, convert, sync payments, accept sources.

One module per kind of step, without Dagster: `defs` turns each into an asset.
"""
