"""Everything left of raw/: gateway files, usage APIs, Stripe and prices become typed Parquet. Never imports dagster."""
