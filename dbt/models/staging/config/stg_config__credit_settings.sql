{#- Rulings: docs/decisions/credits.md#credits-4 -#}
with credit_settings as (
    select * from {{ raw_glob('config_credit_settings') }}
),

renamed as (
    select
        ---------- ids
        source,

        ---------- the settings
        value_policy,
        usd_per_credit,
        burn_order,
        reason,

        ---------- lineage
        config_file,
        config_line
    from credit_settings
)

select * from renamed
