with rejects as (
    select *
    from read_parquet(
        '{{ home_path("rejects") | replace("'", "''") }}/**/*.parquet', allow_empty = true, union_by_name = true
    )
)

select * from rejects
