with calls as (
    {{ infery_calls('infery_usage', stream_rank = 2) }}
)

select * from calls
