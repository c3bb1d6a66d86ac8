-- One row per balance that somebody read off the gateway, beside what the ledger says stood at the end of that day.

with balances as (
    select * from {{ ref('stg_config__credit_balances') }}
),

ledger as (
    select
        *,
        cast(
            sum(overage_micro) over (
                partition by source, workspace_id
                order by event_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as overage_to_date_micro
    from {{ ref('fct_credit_balances_daily') }}
),

compared as (
    select
        balances.source,
        balances.workspace_id,
        balances.balance_on,
        balances.reason,
        balances.config_file,
        balances.config_line,
        cast(balances.credits * 1000000 as bigint) as reported_micro,
        ledger.closing_micro,
        ledger.overage_to_date_micro
    from balances
    left join ledger
        on
            balances.source = ledger.source
            and balances.workspace_id = ledger.workspace_id
            and balances.balance_on = ledger.event_date
),

final as (
    select
        ---------- grain
        source,
        workspace_id,
        balance_on,

        ---------- status
        case
            when closing_micro is null then 'not_in_books'
            when closing_micro > reported_micro then 'ledger_above'
            when closing_micro < reported_micro then 'ledger_below'
            else 'matched'
        end as status,

        ---------- both sides
        reported_micro,
        closing_micro,
        closing_micro - reported_micro as difference_micro,
        overage_to_date_micro,

        ---------- lineage
        reason,
        config_file,
        config_line
    from compared
)

select * from final
