"""Gates: data quality checks on delivered days.

Checks and records the results; `steps` and Dagster hold sources back.
"""
