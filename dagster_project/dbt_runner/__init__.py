"""Everything that uses dbt's Python: the parsed project, one build, its results, and how Dagster names its models.

Knows nothing of a home's history: `books` decides what to build and what to do with the results.
"""
