with credit_grants as (
    select * from {{ raw_glob('config_credit_grants') }}
),

renamed as (
    select
        ---------- ids
        grant_id,
        source,
        workspace_id,

        ---------- the grant
        granted_on,
        credits,
        kind,
        priority,
        expires_on,
        reason,

        ---------- lineage
        config_file,
        config_line
    from credit_grants
)

select * from renamed
