{#- Rulings: docs/decisions/usage.md#usage-2, docs/decisions/structure.md#structure-4 -#}

with usage_events as (
    select * from {{ ref('stg_new_api__item_events') }}
    union all by name
    select * from {{ ref('stg_new_api__console_events') }}
)

select * from usage_events
