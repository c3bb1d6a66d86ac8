with discount_rules as (
    select
        rule_id,
        workspace_id,
        group_name,
        kind,
        factor as discount_factor,
        valid_from,
        valid_to,
        reason,
        config_file,
        config_line
    from {{ ref('stg_config__discount_rules') }}
)

select * from discount_rules
