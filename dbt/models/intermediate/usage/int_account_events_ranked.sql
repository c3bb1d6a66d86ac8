with account_events as (
    select * from {{ ref('stg_new_api__account_events') }}
),

-- An event's time is part of its id, so all its deliveries are on this day.
ranked as (
    select
        *,
        row_number() over (
            partition by account_event_id
            order by delivered_on desc, quota desc, description desc nulls last, raw_file desc, raw_line desc
        ) as delivery_rank,
        count(*) over (partition by account_event_id) as delivery_count
    from account_events
)

select * from ranked
