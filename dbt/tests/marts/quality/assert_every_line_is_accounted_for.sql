{#- Rulings: docs/decisions/deliveries.md#deliveries-4 -#}
-- Fails if lines in are not events + duplicates + revisions + rejects + blank lines.
select * from {{ ref('rpt_source_days') }}
where lines != events + duplicates + revisions + rejects + blank_lines
