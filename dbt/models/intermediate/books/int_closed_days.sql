{#- Rulings: docs/decisions/closing.md#closing-1 -#}
with closed_days as (
    select
        month,
        event_date,
        fingerprint,
        file,
        row_count
    from {{ closed_day_builds() }}
)

select * from closed_days
