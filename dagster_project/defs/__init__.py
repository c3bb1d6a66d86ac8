"""What Dagster shows: assets, checks, jobs, schedules and resources, one kind per file."""
