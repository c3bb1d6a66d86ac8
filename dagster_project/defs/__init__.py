"""Dagster's definitions: assets, checks, jobs, schedules and resources, one kind per file."""
