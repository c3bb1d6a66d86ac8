with unioned as (
    select * from {{ ref('stg_infron__usage_events') }}
    union all
    select * from {{ ref('stg_litellm__usage_events') }}
)

select * from unioned
