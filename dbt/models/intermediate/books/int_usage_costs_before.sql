{#- Rulings: docs/decisions/closing.md#closing-5 -#}
with requests as (
    select * exclude (filename) from {{ rows_of_requests('before_files') }}
)

select * from requests
