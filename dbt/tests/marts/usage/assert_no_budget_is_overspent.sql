{#- Rulings: docs/decisions/reports.md#reports-4 -#}
{{ config(tags = ['finding']) }}
-- Fails if this month's spend is above a budget.
select * from {{ ref('rpt_budgets') }}
where kind = 'budget' and is_current_month and status = 'over'
