with credit_balances as (
    select * from {{ raw_glob('config_credit_balances') }}
),

renamed as (
    select
        ---------- ids
        source,
        workspace_id,

        ---------- the balance
        balance_on,
        credits,
        reason,

        ---------- lineage
        config_file,
        config_line
    from credit_balances
)

select * from renamed
