{#- Rulings: docs/decisions/credits.md#credits-5 -#}
-- One row per balance read from the gateway by hand, compared with the ledger's at the end of that day in the gateway's
-- billing zone.

with balances as (
    select * from {{ ref('stg_config__credit_balances') }}
),

entries as (
    select * from {{ ref('fct_credit_entries') }}
),

movements as (
    select * from {{ ref('int_credit_movements') }}
),

zones as (
    {{ source_settings(['billing_time_zone']) }}
),

horizon as (
    select max(until_at) as until_at from movements
),

ended as (
    select
        balances.*,
        {{ local_midnight('balances.balance_on + 1', billing_time_zone('zones.billing_time_zone')) }} as ends_at
    from balances
    left join zones on balances.source = zones.source
),

-- Days after the end of the books are unknown.
ledger as (
    select
        ended.source,
        ended.workspace_id,
        ended.balance_on,
        cast(sum(case when entries.entry_kind = 'overage' then 0 else entries.amount_micro end) as bigint) as closing_micro,
        cast(-sum(case when entries.entry_kind = 'overage' then entries.amount_micro else 0 end) as bigint)
            as overage_to_date_micro
    from ended
    inner join horizon on ended.ends_at <= horizon.until_at
    inner join entries
        on
            ended.source = entries.source
            and ended.workspace_id = entries.workspace_id
            and ended.ends_at > entries.entered_at
    group by ended.source, ended.workspace_id, ended.balance_on
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
            and balances.balance_on = ledger.balance_on
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
