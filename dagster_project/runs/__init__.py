"""A run as a whole: its days, its Dagster instance, its output and its exit code.

What a single step does is in `steps`, `books` and `dbt_runner`.
"""
