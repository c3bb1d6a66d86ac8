with discount_rules as (
    select * from {{ raw_glob('config_discount_rules') }}
),

renamed as (
    select
        ---------- ids
        rule_id,
        nullif(trim(workspace_id), '') as workspace_id,
        nullif(trim(group_name), '') as group_name,

        ---------- the rule
        kind,
        factor,
        valid_from,
        valid_to,
        reason,

        ---------- lineage
        config_file,
        config_line
    from discount_rules
)

select * from renamed
