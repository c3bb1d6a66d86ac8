with prices as (
    select
        *,
        cast(split_part(catalogue_version, '.', 1) as bigint) * 1000000000000
        + cast(split_part(catalogue_version, '.', 2) as bigint) * 1000000
        + cast(split_part(catalogue_version, '.', 3) as bigint) as version_order
    from {{ raw_glob('prices') }}
),

-- A price keeps the version it first appeared in, so a catalogue that repeats it changes no row.
first_seen as (
    select
        * exclude (catalogue_version),
        first_value(catalogue_version) over (
            partition by price_id
            order by version_order
        ) as price_version
    from prices
),

latest as (
    select * exclude (version_order)
    from first_seen
    where version_order = (select max(version_order) from prices)
)

select * from latest
