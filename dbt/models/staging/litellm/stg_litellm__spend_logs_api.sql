with calls as (
    {{ litellm_spend_rows('litellm_spend_logs_api', stream_rank = 3) }}
)

select * from calls
