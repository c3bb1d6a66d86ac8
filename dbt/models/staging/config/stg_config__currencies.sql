with currencies as (
    select * from {{ raw_glob('config_currencies') }}
),

renamed as (
    select
        ---------- ids
        lower(trim(currency)) as currency,

        ---------- numerics
        exponent,
        tolerance_minor,

        ---------- lineage
        config_file,
        config_line
    from currencies
)

select * from renamed
