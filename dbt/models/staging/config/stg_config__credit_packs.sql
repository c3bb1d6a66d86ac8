with credit_packs as (
    select * from {{ raw_glob('config_credit_packs') }}
),

renamed as (
    select
        ---------- ids
        source,
        pack,

        ---------- the pack
        credits,
        price,
        currency,
        kind,
        priority,
        expires_after_days,
        valid_from,
        valid_to,
        reason,

        ---------- lineage
        config_file,
        config_line
    from credit_packs
)

select * from renamed
