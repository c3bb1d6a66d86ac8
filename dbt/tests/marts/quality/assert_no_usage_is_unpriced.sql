{#- Rulings: docs/decisions/pricing.md#pricing-2, docs/decisions/runs.md#runs-1 -#}
{{ config(tags = ['finding']) }}
-- Fails if any usage has no price: each row is unaccounted money until a price or an alias is added.
select * from {{ ref('rpt_unpriced_usage') }}
