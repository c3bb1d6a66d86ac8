{#- Rulings: docs/decisions/pricing.md#pricing-2, docs/decisions/runs.md#runs-1 -#}
{{ config(tags = ['finding']) }}
-- Fails if any usage has no price: each row is money nobody can account for until a price or an alias is written.
select * from {{ ref('rpt_unpriced_usage') }}
