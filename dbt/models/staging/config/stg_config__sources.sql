with sources as (
    select * from {{ raw_glob('config_sources') }}
),

settings as (
    select
        source,
        connector,
        time_zone,
        time_basis,
        billing_time_zone,
        vat_time_zone,
        quota_per_unit,
        quota_valid_from,
        quota_valid_to,
        usd_per_credit,
        discount_convention,
        usage_semantic,
        charge_rounding,
        trusted_ids
    from sources
)

select * from settings
