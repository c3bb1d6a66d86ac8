{#- Rulings: docs/decisions/discounts.md#discounts-3 -#}
{{ config(materialized = 'table') }}

with spend as (
    select * from {{ ref('int_list_spend_daily') }}
),

volume_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
    where min_month_list_usd is not null
),

-- What the month had at the start of the day: nothing on its first.
to_date as (
    select
        event_date,
        workspace_id,
        coalesce(sum(list_cost_usd) over (
            partition by date_trunc('month', event_date), workspace_id
            order by event_date
            rows between unbounded preceding and 1 preceding
        ), 0) as month_list_usd
    from spend
),

reached as (
    select
        to_date.event_date,
        to_date.workspace_id,
        volume_rules.rule_id,
        volume_rules.rule_row_id,
        volume_rules.min_month_list_usd,
        cast(to_date.month_list_usd as decimal(38, 12)) as month_list_usd
    from to_date
    inner join volume_rules
        on
            to_date.event_date >= volume_rules.valid_from
            and (volume_rules.valid_to is null or to_date.event_date < volume_rules.valid_to)
            and (volume_rules.workspace_id is null or to_date.workspace_id = volume_rules.workspace_id)
            and to_date.month_list_usd >= volume_rules.min_month_list_usd
)

select * from reached
