-- Fails if a day does not add up, does not begin where the day before ended, or ends below 0.

with balances as (
    select * from {{ ref('fct_credit_balances_daily') }}
),

with_previous as (
    select
        *,
        lag(closing_micro) over (
            partition by source, workspace_id
            order by event_date
        ) as previous_closing_micro,
        lag(event_date) over (
            partition by source, workspace_id
            order by event_date
        ) as previous_date
    from balances
)

select * from with_previous
where
    opening_micro + granted_micro - burned_micro - expired_micro + adjusted_micro <> closing_micro
    or opening_micro <> coalesce(previous_closing_micro, 0)
    or event_date <> coalesce(previous_date + 1, event_date)
    or closing_micro < 0
