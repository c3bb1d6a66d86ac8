-- One row per wallet and day from its first entry to the end of the books, days without an entry included.

with entries as (
    select * from {{ ref('fct_credit_entries') }}
),

movements as (
    select * from {{ ref('int_credit_movements') }}
),

daily_sums as (
    select
        source,
        workspace_id,
        unit,
        event_date,
        sum(case when entry_kind = 'grant' then amount_micro else 0 end) as granted_micro,
        -sum(case when entry_kind = 'burn' then amount_micro else 0 end) as burned_micro,
        -sum(case when entry_kind = 'expire' then amount_micro else 0 end) as expired_micro,
        sum(case when entry_kind = 'adjust' then amount_micro else 0 end) as adjusted_micro,
        -sum(case when entry_kind = 'overage' then amount_micro else 0 end) as overage_micro
    from entries
    group by source, workspace_id, unit, event_date
),

wallets as (
    select
        source,
        workspace_id,
        unit,
        min(event_date) as first_date
    from daily_sums
    group by source, workspace_id, unit
),

span as (
    select
        cast(min(moved_at) as date) as first_date,
        cast(max(until_at) as date) - 1 as last_date
    from movements
),

dates as (
    select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as event_date
    from span
),

wallet_days as (
    select
        wallets.source,
        wallets.workspace_id,
        wallets.unit,
        dates.event_date
    from wallets
    inner join dates on wallets.first_date <= dates.event_date
),

filled as (
    select
        wallet_days.source,
        wallet_days.workspace_id,
        wallet_days.unit,
        wallet_days.event_date,
        {% for measure in ['granted', 'burned', 'expired', 'adjusted', 'overage'] -%}
            cast(coalesce(daily_sums.{{ measure }}_micro, 0) as bigint) as {{ measure }}_micro{{ ',' if not loop.last }}
        {% endfor %}
    from wallet_days
    left join daily_sums
        on
            wallet_days.source = daily_sums.source
            and wallet_days.workspace_id = daily_sums.workspace_id
            and wallet_days.event_date = daily_sums.event_date
),

rolled as (
    select
        *,
        cast(
            sum(granted_micro - burned_micro - expired_micro + adjusted_micro) over (
                partition by source, workspace_id
                order by event_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as closing_micro
    from filled
),

-- The day itself may still be incoming, so the seven before it say what a day burns.
forecast as (
    select
        *,
        sum(burned_micro + overage_micro) over seven_before as recent_micro,
        count(*) over seven_before as recent_days
    from rolled
    window seven_before as (
        partition by source, workspace_id order by event_date asc rows between 7 preceding and 1 preceding
    )
),

final as (
    select
        ---------- grain
        source,
        workspace_id,
        event_date,
        unit,

        ---------- the day
        cast(closing_micro - (granted_micro - burned_micro - expired_micro + adjusted_micro) as bigint) as opening_micro,
        granted_micro,
        burned_micro,
        expired_micro,
        adjusted_micro,
        closing_micro,

        ---------- beside the balance
        overage_micro,

        ---------- how long it lasts
        case
            when recent_micro > 0 and cast(closing_micro as hugeint) * recent_days // recent_micro < 3650
                then event_date + 1 + cast(cast(closing_micro as hugeint) * recent_days // recent_micro as integer)
        end as run_out_date,
        event_date = max(event_date) over () as is_current
    from forecast
)

select * from final
