{#- Rulings: docs/decisions/deliveries.md -#}
with statuses as (
    select * from {{ ref('stg_raw__source_status') }}
),

source_status as (
    select
        source,
        connector,
        as_of_date,
        held_back_reason is not null as is_held_back,
        held_back_reason,
        held_back_detail,
        held_back_from,
        silent_since is not null as is_silent,
        silent_since,
        silent_streams,
        expected_by
    from statuses
)

select * from source_status
