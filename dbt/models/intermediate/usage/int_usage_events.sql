{#- Rulings: docs/decisions/days.md#days-6 -#}
-- depends_on: {{ ref('int_usage_events_united') }}
-- A few rows are read once into a temporary table, which hold_usage_events() names.
select * from query_table(coalesce(getvariable('usage_events'), '{{ ref('int_usage_events_united') }}'))
