with calls as (
    {{ infery_calls('infery_usage_api', stream_rank = 3) }}
)

select * from calls
