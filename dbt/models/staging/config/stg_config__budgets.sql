with budgets as (
    select * from {{ raw_glob('config_budgets') }}
),

renamed as (
    select
        ---------- ids
        budget_id,
        source,
        scope,
        subject,

        ---------- the budget
        month_usd,
        valid_from,
        valid_to,
        reason,

        ---------- lineage
        config_file,
        config_line
    from budgets
)

select * from renamed
