with calls as (
    {{ litellm_spend_rows('litellm_spend_logs', stream_rank = 2) }}
)

select * from calls
