"""All that touches dbt's Python: the parsed project, one build, its results, and how Dagster names its models.

Knows nothing of homes' history: what a build is asked for, and what becomes of its results, is `books`'.
"""
