"""A run as a whole: which days it covers, the Dagster instance it runs on, what it says, and how it ends.

What a single step does stands in `steps`, `books` and `dbt_runner`.
"""
